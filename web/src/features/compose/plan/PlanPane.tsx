import { Skeleton, Stack, Text } from "@mantine/core";
import { Suspense } from "react";
import { sentence } from "@/api/problem";
import type { Sender } from "@/features/senders/queries";
import { Time } from "@/time/Time";
import { lazyPart } from "@/ui/lazyPart";
import classes from "../compose.module.css";
import type { Errors } from "../draft/errors";
import type { Plan } from "../queries";
import { heldBackSentences, planSentence } from "./words";

const PlanChart = lazyPart(() => import("./PlanChart"), "PlanChart");

interface Props {
  plan: Plan | undefined;
  /** Asked for, not yet answered. */
  isPlanning: boolean;
  error: unknown;
  lacking: Errors;
  sender: Sender | undefined;
  campaignLimit: number | null;
}

const WORDS: Readonly<Record<string, string>> = {
  "steps[0].content.subject": "a subject",
  "steps[0].content.body": "a text",
  audience: "recipients",
  "timing.startTime": "a start time",
};

/** When the emails will leave and what holds them back, by the function that plans the sending. */
export function PlanPane({ plan, isPlanning, error, lacking, sender, campaignLimit }: Props) {
  const missing = Object.keys(lacking).map((path) => WORDS[path] ?? path);
  if (missing.length > 0) {
    return (
      <Text c="dimmed" className={classes.plan ?? ""}>
        The plan appears here. Still to come: {missing.join(", ")}.
      </Text>
    );
  }
  if (error) {
    return (
      <Text c="var(--mantine-color-error)" className={classes.plan ?? ""} role="status">
        {sentence(error)}
      </Text>
    );
  }
  if (!plan) {
    return (
      <Stack gap="xs" className={classes.plan ?? ""} aria-busy={isPlanning}>
        <Skeleton height={16} />
        <Skeleton height={16} width="60%" />
        <Skeleton height={120} />
      </Stack>
    );
  }
  return (
    <Stack gap="sm" aria-busy={isPlanning} style={{ opacity: isPlanning ? 0.7 : 1 }}>
      <div aria-live="polite">
        <Text fw={550}>{planSentence(plan)}</Text>
        {heldBackSentences(plan, sender?.email ?? "", campaignLimit).map((text) => (
          <Text key={text} mt={4}>
            {text}
          </Text>
        ))}
      </div>
      <dl className={classes.figures}>
        <div>
          <dt>First</dt>
          <dd>
            <Text span size="sm" fw={550}>
              <Time value={plan.firstAt} />
            </Text>
          </dd>
        </div>
        <div>
          <dt>Last</dt>
          <dd>
            <Text span size="sm" fw={550}>
              <Time value={plan.lastAt} />
            </Text>
          </dd>
        </div>
        <div>
          <dt>Emails</dt>
          <dd>
            <Text span size="sm" fw={550}>
              {plan.accepted.toLocaleString("en-US")}
            </Text>
          </dd>
        </div>
      </dl>
      <Suspense fallback={<Skeleton height={130} />}>
        <PlanChart hourly={plan.hourly} />
      </Suspense>
    </Stack>
  );
}
