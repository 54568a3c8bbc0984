import "@mantine/dates/styles.layer.css";
import { Accordion, Group, NumberInput, SegmentedControl, Select, Stack, Switch, Text } from "@mantine/core";
import { DateTimePicker } from "@mantine/dates";
import { LIMITS } from "@/api/constants";
import { OnUnknownField } from "@/features/campaigns/OnUnknownField";
import type { OnUnknown } from "@/features/campaigns/queries";
import { absoluteTime, timezone } from "@/time/format";
import { keysOf } from "@/ui/options";
import type { Timing } from "../draft/draft";
import type { Errors } from "../draft/errors";
import { delayMs, startOf } from "../draft/request";
import { type DelayUnit, everyWords, UNIT_MS } from "./delay";

interface Props {
  timing: Timing;
  onChange: (part: Partial<Timing>) => void;
  senderLimit: number | undefined;
  errors: Errors;
}

const { delayBetweenMs: DELAY_MS, hourlyLimit: HOURLY_LIMIT } = LIMITS.CampaignPatch;

/** When it begins, how fast it goes, and what to do with emails in doubt. */
export function TimingFields({ timing, onChange, senderLimit, errors }: Props) {
  const start = startOf(timing);
  const delay = delayMs(timing, senderLimit);
  return (
    <Stack gap="md">
      <SegmentedControl
        aria-label="When it begins"
        data={[
          { value: "now", label: "Now" },
          { value: "later", label: "At a time" },
        ]}
        value={timing.when}
        onChange={(when) =>
          onChange(when === "later" ? { when, startTime: timing.startTime ?? tomorrow() } : { when: "now" })
        }
      />
      {timing.when === "later" && (
        <DateTimePicker
          label="Start"
          description={`Your timezone: ${timezone}`}
          valueFormat="ddd, D MMM YYYY, HH:mm"
          value={timing.startTime}
          minDate={new Date()}
          onChange={(startTime) => onChange({ startTime })}
          error={errors.startTime}
          inputWrapperOrder={["label", "description", "input", "error"]}
          ariaLabels={{
            previousMonth: "Previous month",
            nextMonth: "Next month",
            monthLevelControl: "Choose the month",
          }}
          timePickerProps={{ hoursInputLabel: "Hours", minutesInputLabel: "Minutes" }}
          submitButtonProps={{ "aria-label": "Use this time" }}
        />
      )}
      {timing.when === "later" && start && (
        <Text size="sm" c="dimmed" mt={-8}>
          {start < new Date() ? "That time has passed: it starts at once." : absoluteTime(start)}
        </Text>
      )}
      <Group align="flex-start" gap="sm">
        <NumberInput
          label="Delay between emails"
          min={DELAY_MS.min}
          max={DELAY_MS.max / UNIT_MS[timing.delayUnit]}
          decimalScale={1}
          allowLeadingZeros={false}
          hideControls
          w={170}
          disabled={timing.spread}
          value={timing.spread ? "" : timing.delay}
          onChange={(value) => onChange({ delay: value })}
          error={errors.delay}
        />
        <Select
          label="Unit"
          data={keysOf(UNIT_MS)}
          w={120}
          allowDeselect={false}
          disabled={timing.spread}
          value={timing.delayUnit}
          onChange={(unit) => unit && onChange({ delayUnit: unit as DelayUnit })}
        />
        <NumberInput
          label="Limit an hour"
          placeholder={senderLimit === undefined ? "none" : `sender's: ${senderLimit}`}
          {...HOURLY_LIMIT}
          allowDecimal={false}
          allowLeadingZeros={false}
          thousandSeparator=","
          hideControls
          w={170}
          value={timing.hourlyLimit ?? ""}
          onChange={(value) => onChange({ hourlyLimit: typeof value === "number" ? value : null })}
          error={errors.hourlyLimit}
        />
      </Group>
      <Switch
        label="Spread evenly over the hour"
        description="Limits count by clock hours. Without this, nearly twice the limit can leave within 60 minutes."
        checked={timing.spread}
        onChange={(event) => onChange({ spread: event.currentTarget.checked })}
      />
      <Text size="sm" aria-live="polite">
        {everyWords(delay)}
      </Text>
      <Accordion variant="contained" chevronPosition="left">
        <Accordion.Item value="advanced">
          <Accordion.Control>Advanced</Accordion.Control>
          <Accordion.Panel>
            <OnUnknownField
              value={timing.onUnknown}
              onChange={(value) => onChange({ onUnknown: value as OnUnknown })}
              error={errors.onUnknown}
            />
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}

/** At nine, as the picker has it. */
function tomorrow(): string {
  const day = new Date();
  day.setDate(day.getDate() + 1);
  const two = (value: number) => `${value}`.padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())} 09:00:00`;
}
