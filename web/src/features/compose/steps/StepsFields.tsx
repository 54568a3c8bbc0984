import { Button, Checkbox, Stack, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { type ComponentProps, useRef } from "react";
import { randomKey } from "@/api/randomKey";
import type { Change } from "../draft/changes";
import type { Draft } from "../draft/draft";
import { below, type Errors } from "../draft/errors";
import { StepCard } from "./StepCard";
import classes from "./steps.module.css";

interface Props {
  draft: Draft;
  onChange: (...changes: Change[]) => void;
  /** The merge fields that there are. */
  fields: readonly string[];
  errors: Errors;
  /** Somebody writes at this step, and wants to see it. */
  onLook: (step: string, variant: number) => void;
  /** Another with each draft. */
  origin: string;
  /** Of a campaign that is scheduled: what stops them stands, and what there is of a variant. */
  standing?: ComponentProps<typeof StepCard>["standing"];
}

const MOST = 10;

/** The later steps, one under the other, and what stops them. */
export function StepsFields({ draft, onChange, fields, errors, onLook, origin, standing }: Props) {
  const [, ...later] = draft.steps;
  const { stopOnAutoReply, stopOnDomain, withoutReading } = draft.following;
  const list = useRef<HTMLOListElement>(null);
  const add = () => {
    const id = randomKey();
    onChange({ kind: "addStep", id });
    onLook(id, 0);
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>("li:last-child textarea")?.focus());
  };
  return (
    <>
      <Text size="sm" c="dimmed">
        Later emails, each a while after the one before, to whoever has not answered.
      </Text>
      {later.length > 0 && (
        <ol ref={list} className={classes.line} aria-label="Later steps">
          {later.map((step, at) => (
            <StepCard
              key={`${origin}-${step.id}`}
              step={step}
              number={at + 2}
              isLast={at === later.length - 1}
              firstSubject={draft.steps[0].content.subject}
              onChange={onChange}
              fields={fields}
              errors={below(errors, `steps[${at + 1}]`)}
              onLook={(variant) => onLook(step.id, variant)}
              standing={standing}
            />
          ))}
        </ol>
      )}
      <Button
        variant="default"
        mt="md"
        disabled={later.length >= MOST}
        leftSection={<IconPlus size={16} aria-hidden />}
        onClick={add}
      >
        Add a step
      </Button>
      {errors.steps && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {errors.steps}
        </Text>
      )}
      {later.length > 0 && !standing && (
        <Stack gap="sm" mt="md">
          <Text size="sm">
            An answer, an opt-out or a dead address stops what is left for that recipient.
          </Text>
          <Checkbox
            label="An absence note stops it, too"
            description="Otherwise the next step waits until two days after the day that it names."
            checked={stopOnAutoReply}
            onChange={(event) =>
              onChange({ kind: "following", part: { stopOnAutoReply: event.currentTarget.checked } })
            }
          />
          <Checkbox
            label="An answer stops it for everybody at the same domain"
            description="Not for gmail.com and others at which everybody has an address."
            checked={stopOnDomain ?? false}
            onChange={(event) =>
              onChange({ kind: "following", part: { stopOnDomain: event.currentTarget.checked } })
            }
          />
          {(errors["following.withoutReading"] || withoutReading) && (
            <Checkbox
              label="Follow up although nobody reads the answers"
              description="The mailbox's inbox is not connected: connect it at the sender, or whoever has answered gets the next step all the same."
              error={withoutReading ? undefined : "Nobody would notice that somebody has answered."}
              checked={withoutReading}
              onChange={(event) =>
                onChange({ kind: "following", part: { withoutReading: event.currentTarget.checked } })
              }
            />
          )}
        </Stack>
      )}
    </>
  );
}
