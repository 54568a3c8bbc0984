import { Alert, Anchor, Button, Collapse, Group, NumberInput, Select, Stack, Text } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useId, useState } from "react";
import { LIMITS } from "@/api/constants";
import { zones } from "@/time/zones";
import { OUTREACH, type Preset } from "./providers";

interface Props {
  /** The props that an input needs from the form. */
  field: (name: string) => object;
  /** The limits that were filled in last, and by whose word. */
  preset: Preset | null;
  fill: (preset: Preset) => void;
  /** The sender has such limits already. */
  hasSome: boolean;
  /** One of the fields has to be looked at. */
  isWrong: boolean;
  /** The sender's. */
  zone: string | undefined;
}

/** Limits of more than the hour, in a fold: few senders need to see them. */
export function LimitFields({ field, preset, fill, hasSome, isWrong, zone }: Props) {
  const [wanted, setWanted] = useState(hasSome);
  const opened = wanted || isWrong;
  const id = useId();
  const Icon = opened ? IconChevronDown : IconChevronRight;
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <Button
          variant="subtle"
          size="compact-sm"
          ml={-8}
          leftSection={<Icon size={15} aria-hidden />}
          aria-expanded={opened}
          aria-controls={id}
          onClick={() => setWanted(!opened)}
        >
          Limits of the day, gaps, a slow beginning
        </Button>
      </Group>
      {preset && <Source preset={preset} />}
      <Collapse expanded={opened} id={id}>
        <Stack>
          <Group grow align="flex-start">
            <NumberInput
              label="Emails a day, at most"
              description="Within 24 clock hours"
              placeholder="No limit"
              {...LIMITS.SenderBody.dailyLimit}
              allowDecimal={false}
              thousandSeparator=","
              {...field("dailyLimit")}
            />
            <NumberInput
              label="Seconds apart, at least"
              description="Whatever campaign they are of"
              placeholder="None"
              {...LIMITS.SenderBody.leastGapSeconds}
              allowDecimal={false}
              thousandSeparator=","
              {...field("leastGapSeconds")}
            />
          </Group>
          <Group grow align="flex-start">
            <NumberInput
              label="Emails on the first day"
              description="To begin slowly"
              placeholder="No slow beginning"
              {...LIMITS.RampUp.from}
              allowDecimal={false}
              thousandSeparator=","
              {...field("rampFrom")}
            />
            <NumberInput
              label="More on each day after"
              description="On which it sent something"
              placeholder="No slow beginning"
              {...LIMITS.RampUp.perDay}
              allowDecimal={false}
              thousandSeparator=","
              {...field("rampPerDay")}
            />
          </Group>
          <Select
            label="Time zone"
            description="When a day of the slow beginning begins"
            data={zones(zone)}
            searchable
            allowDeselect={false}
            nothingFoundMessage="No such zone"
            {...field("timezone")}
          />
          <Group gap="xs">
            <Button size="xs" variant="default" onClick={() => fill(OUTREACH)}>
              Fill in what is usual for outreach
            </Button>
          </Group>
        </Stack>
      </Collapse>
    </Stack>
  );
}

function Source({ preset: { source } }: { preset: Preset }) {
  return (
    <Alert color="gray" p="xs">
      <Text size="sm">
        {source.text} Filled in for you; change it as you need. Source:{" "}
        {source.url ? (
          <Anchor href={source.url} target="_blank" rel="noreferrer" inherit>
            {source.name}
          </Anchor>
        ) : (
          source.name
        )}
        .
      </Text>
    </Alert>
  );
}
