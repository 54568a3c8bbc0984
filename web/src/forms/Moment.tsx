import "@mantine/dates/styles.layer.css";
import { DateTimePicker } from "@mantine/dates";

interface Props {
  label: string;
  description: string;
  /** By the person's own clock: "2026-11-24 16:03:00". */
  value: string | null;
  onChange: (value: string | null) => void;
  error: string | undefined;
  clearable?: boolean;
  disabled?: boolean;
}

/** A day and a time by the person's own clock. */
export function Moment({ error, ...props }: Props) {
  return (
    <DateTimePicker
      {...props}
      error={error}
      valueFormat="ddd, D MMM YYYY, HH:mm"
      minDate={new Date()}
      inputWrapperOrder={["label", "description", "input", "error"]}
      ariaLabels={{
        previousMonth: "Previous month",
        nextMonth: "Next month",
        monthLevelControl: "Choose the month",
      }}
      clearButtonProps={{ "aria-label": "No time" }}
      timePickerProps={{ hoursInputLabel: "Hours", minutesInputLabel: "Minutes" }}
      submitButtonProps={{ "aria-label": "Use this time" }}
    />
  );
}
