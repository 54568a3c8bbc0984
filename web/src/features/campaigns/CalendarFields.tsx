import "@mantine/core/styles/Chip.layer.css";
import "@mantine/dates/styles.layer.css";
import { Chip, Group, Input, Select, SimpleGrid, Stack, Switch, Text } from "@mantine/core";
import { TimePicker } from "@mantine/dates";
import { zones } from "@/time/zones";
import { type Calendar, countries, DAY_NAMES, DAYS, type Day, OFFICE_HOURS, RECIPIENT } from "./calendar";

interface Props {
  value: Calendar | null;
  onChange: (value: Calendar | null) => void;
  /** By the names of the calendar's fields. */
  errors: Readonly<Record<string, string>>;
  disabled?: boolean;
}

const ZONES = zones();
const EACH = { value: RECIPIENT, label: "Each recipient's own" };
const COUNTRIES = countries();

/** On which days and hours it may send, and by whose clock. */
export function CalendarFields({ value, onChange, errors, disabled = false }: Props) {
  return (
    <Stack gap="sm">
      <Switch
        label="Only on certain days and hours"
        description="Without this it sends day and night, as limits allow."
        checked={value !== null}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked ? OFFICE_HOURS : null)}
      />
      {value && (
        <Fields
          value={value}
          errors={errors}
          disabled={disabled}
          onChange={(part) => onChange({ ...value, ...part })}
        />
      )}
    </Stack>
  );
}

interface FieldsProps {
  value: Calendar;
  onChange: (part: Partial<Calendar>) => void;
  errors: Readonly<Record<string, string>>;
  disabled: boolean;
}

function Fields({ value, onChange, errors, disabled }: FieldsProps) {
  const ofRecipients = value.timezone === RECIPIENT;
  const zone = (timezone: string) =>
    onChange(
      timezone === RECIPIENT
        ? { timezone, fallbackTimezone: ofRecipients ? (value.fallbackTimezone ?? null) : value.timezone }
        : { timezone, fallbackTimezone: null },
    );
  return (
    <Stack gap="sm">
      <Input.Wrapper label="Days" labelElement="div" error={errors.days}>
        <Chip.Group
          multiple
          value={value.days}
          onChange={(days) => onChange({ days: DAYS.filter((day) => (days as Day[]).includes(day)) })}
        >
          <Group gap={6} role="group" aria-label="Days">
            {DAYS.map((day) => (
              <Chip key={day} value={day} size="sm" variant="light" disabled={disabled}>
                {DAY_NAMES[day].short}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </Input.Wrapper>
      <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
        {(["from", "to"] as const).map((end) => (
          <TimePicker
            key={end}
            label={end === "from" ? "From" : "To"}
            hoursInputLabel={end === "from" ? "From, hours" : "To, hours"}
            minutesInputLabel={end === "from" ? "From, minutes" : "To, minutes"}
            value={value[end]}
            disabled={disabled}
            onChange={(time) => time && onChange({ [end]: time.slice(0, 5) })}
            error={errors[end]}
          />
        ))}
      </SimpleGrid>
      {value.to <= value.from && (
        <Text size="sm" c="dimmed">
          {value.to === value.from
            ? "The whole day."
            : "Until the next morning: the night belongs to the day it begins on."}
        </Text>
      )}
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <Select
          label="By whose clock"
          data={[EACH, ...ZONES]}
          searchable
          allowDeselect={false}
          value={value.timezone}
          disabled={disabled}
          onChange={(timezone) => timezone && zone(timezone)}
          error={errors.timezone}
        />
        {ofRecipients && (
          <Select
            label="For who brings none"
            data={ZONES}
            searchable
            allowDeselect={false}
            value={value.fallbackTimezone ?? null}
            disabled={disabled}
            onChange={(fallbackTimezone) => onChange({ fallbackTimezone })}
            error={errors.fallbackTimezone}
          />
        )}
        <Select
          label="Not on holidays of"
          placeholder="no country"
          data={COUNTRIES}
          searchable
          clearable
          clearButtonProps={{ "aria-label": "No country" }}
          value={value.holidays?.slice(0, 2) ?? null}
          disabled={disabled}
          onChange={(holidays) => onChange({ holidays })}
          error={errors.holidays}
        />
      </SimpleGrid>
      {ofRecipients && (
        <Text size="sm" c="dimmed">
          A column <code>timezone</code>, <code>time_zone</code> or <code>tz</code> says it, as Europe/Berlin.
        </Text>
      )}
    </Stack>
  );
}
