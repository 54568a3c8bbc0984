import "@mantine/core/styles/Accordion.layer.css";
import { Accordion, Group, NumberInput, SegmentedControl, Select, Stack, Switch, Text } from "@mantine/core";
import { LIMITS } from "@/api/constants";
import { CalendarFields } from "@/features/campaigns/CalendarFields";
import { OnUnknownField } from "@/features/campaigns/OnUnknownField";
import type { OnUnknown } from "@/features/campaigns/queries";
import { Moment } from "@/forms/Moment";
import { absoluteTime, timezone } from "@/time/format";
import { keysOf } from "@/ui/options";
import type { Timing } from "../draft/draft";
import { below, type Errors } from "../draft/errors";
import { delayMs, type Mailboxes, startOf } from "../draft/request";
import { type DelayUnit, everyWords, UNIT_MS } from "./delay";
import { given, instant, picked, zoneOf } from "./moment";

interface Props {
  timing: Timing;
  onChange: (part: Partial<Timing>) => void;
  mailboxes: Mailboxes;
  errors: Errors;
}

const { delayBetweenMs: DELAY_MS, hourlyLimit: HOURLY_LIMIT, jitterPercent: JITTER } = LIMITS.CampaignPatch;

/** When it begins, how fast it goes, and what to do with emails in doubt. */
export function TimingFields({ timing, onChange, mailboxes, errors }: Props) {
  const start = startOf(timing);
  const delay = delayMs(timing, mailboxes);
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
          onChange(
            when === "later" ? { when, startTime: timing.startTime ?? given(tomorrow()) } : { when: "now" },
          )
        }
      />
      {timing.when === "later" && (
        <Moment
          label="Start"
          description={`Your timezone: ${timezone}`}
          value={timing.startTime && picked(timing.startTime)}
          onChange={(time) => onChange({ startTime: time && given(time) })}
          error={errors.startTime}
        />
      )}
      {timing.when === "later" && start && timing.startTime && (
        <Text size="sm" c="dimmed" mt={-8}>
          {start < new Date() ? "That time has passed: it starts at once." : inWords(timing.startTime)}
        </Text>
      )}
      <CalendarFields
        value={timing.calendar}
        onChange={(calendar) => onChange({ calendar })}
        errors={below(errors, "calendar")}
      />
      {errors.calendar && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {errors.calendar}
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
          placeholder={mailboxes.leastLimit === undefined ? "none" : `sender's: ${mailboxes.leastLimit}`}
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
        {mailboxes.count > 1 && delay > 0 && " From each mailbox."}
      </Text>
      <Accordion variant="contained" chevronPosition="left">
        <Accordion.Item value="advanced">
          <Accordion.Control>Advanced</Accordion.Control>
          <Accordion.Panel>
            <Stack gap="md">
              <NumberInput
                label="Vary the delay by"
                description="Per cent of it: the gaps differ as a person's do, and the plan shows the times they get."
                {...JITTER}
                suffix=" %"
                allowDecimal={false}
                hideControls
                w={170}
                disabled={delay === 0}
                value={timing.jitterPercent}
                onChange={(value) => onChange({ jitterPercent: Number(value) || 0 })}
                error={errors.jitterPercent}
              />
              <Moment
                label="Not after"
                description="What has not left by then is cancelled, and never sent late."
                value={timing.latestTime && picked(timing.latestTime)}
                onChange={(time) => onChange({ latestTime: time && given(time) })}
                error={errors.latestTime}
                clearable
              />
              {timing.latestTime && (
                <Text size="sm" c="dimmed" mt={-8}>
                  {inWords(timing.latestTime)}
                </Text>
              )}
              <OnUnknownField
                value={timing.onUnknown}
                onChange={(value) => onChange({ onUnknown: value as OnUnknown })}
                error={errors.onUnknown}
              />
            </Stack>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}

/** By this person's clock, and by that of the person who gave it where it differs. */
function inWords(moment: string): string {
  const [at, zone] = [instant(moment), zoneOf(moment)];
  const here = absoluteTime(at);
  return picked(moment) === picked(moment, zone) ? here : `${here}, given as ${absoluteTime(at, zone)}`;
}

/** At nine, as the picker has it. */
function tomorrow(): string {
  const day = new Date();
  day.setDate(day.getDate() + 1);
  const two = (value: number) => `${value}`.padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())} 09:00:00`;
}
