import "@mantine/dates/styles.layer.css";
import { ActionIcon, Checkbox, Group, NumberInput, Select, Text } from "@mantine/core";
import { TimePicker } from "@mantine/dates";
import { IconArrowDown, IconArrowUp, IconTrash } from "@tabler/icons-react";
import { type ComponentProps, useId, useRef } from "react";
import { VariantTexts } from "../content/VariantTexts";
import type { Change } from "../draft/changes";
import type { Step, WaitUnit } from "../draft/draft";
import type { Errors } from "../draft/errors";
import { WAIT_UNITS } from "../draft/wait";
import classes from "./steps.module.css";

interface Props {
  step: Step;
  /** From 1, which is the first. */
  number: number;
  isLast: boolean;
  firstSubject: string;
  onChange: (...changes: Change[]) => void;
  fields: readonly string[];
  errors: Errors;
  /** At its own text, 0, or a variant. */
  onLook: (variant: number) => void;
  standing?: ComponentProps<typeof VariantTexts>["standing"];
}

/** One later step: how long it waits, whether it answers the first, and what it says. */
export function StepCard({
  step,
  number,
  isLast,
  firstSubject,
  onChange,
  fields,
  errors,
  onLook,
  standing,
}: Props) {
  const { id, wait, inThread, timeOfDay, quotes } = step;
  const title = useId();
  const last = useRef(0);
  const onFocus = () => onLook(last.current);
  const put = (part: Partial<Omit<Step, "id" | "content">>) => onChange({ kind: "step", step: id, part });
  return (
    <li className={classes.step} aria-labelledby={title} onFocus={onFocus}>
      <Group justify="space-between" wrap="nowrap" mb="xs">
        <Text fw={550} id={title}>
          Step {number}
        </Text>
        <Group gap={4} wrap="nowrap">
          <ActionIcon
            variant="default"
            aria-label={`Move step ${number} up`}
            disabled={number === 2}
            onClick={() => onChange({ kind: "moveStep", step: id, by: -1 })}
          >
            <IconArrowUp size={16} aria-hidden />
          </ActionIcon>
          <ActionIcon
            variant="default"
            aria-label={`Move step ${number} down`}
            disabled={isLast}
            onClick={() => onChange({ kind: "moveStep", step: id, by: 1 })}
          >
            <IconArrowDown size={16} aria-hidden />
          </ActionIcon>
          <ActionIcon
            variant="default"
            aria-label={`Remove step ${number}`}
            onClick={() => onChange({ kind: "removeStep", step: id })}
          >
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
        </Group>
      </Group>
      <Group align="flex-start" gap="sm" mb="sm">
        <NumberInput
          label="Wait"
          min={1}
          allowDecimal={false}
          allowNegative={false}
          hideControls
          w={90}
          value={wait.n}
          onChange={(n) => put({ wait: { ...wait, n } })}
          error={errors.wait}
        />
        <Select
          label="Unit"
          data={WAIT_UNITS}
          w={160}
          allowDeselect={false}
          value={wait.unit}
          onChange={(unit) => unit && put({ wait: { ...wait, unit: unit as WaitUnit } })}
        />
        <TimePicker
          label="Then at"
          w={130}
          clearable
          hoursInputLabel="Then at, hours"
          minutesInputLabel="Then at, minutes"
          clearButtonProps={{ "aria-label": "At any time" }}
          value={timeOfDay ?? ""}
          onChange={(time) => put({ timeOfDay: time ? time.slice(0, 5) : null })}
          error={errors.timeOfDay}
        />
      </Group>
      <Checkbox
        mb="sm"
        label="In the thread of the first email"
        description={
          inThread ? `Subject: Re: ${firstSubject || "…"}` : "Without it, a thread of its own begins."
        }
        checked={inThread}
        onChange={(event) => put({ inThread: event.currentTarget.checked })}
      />
      {inThread && (
        <Checkbox
          mb="sm"
          label="Quote the message before"
          description="It stands below, as in a reply."
          checked={quotes ?? false}
          onChange={(event) => put({ quotes: event.currentTarget.checked })}
        />
      )}
      <VariantTexts
        step={step}
        onChange={put}
        onContent={(part) => onChange({ kind: "content", step: id, part })}
        fields={[...fields, "sent_at"]}
        errors={errors}
        later={{ inThread }}
        standing={standing}
        onLook={(variant) => {
          last.current = variant;
          onLook(variant);
        }}
      />
    </li>
  );
}
