import { Loader, Skeleton, Stack, Table, Text } from "@mantine/core";
import { sentence } from "@/api/problem";
import type { Sender } from "@/features/senders/queries";
import { Time } from "@/time/Time";
import { lazyPart } from "@/ui/lazyPart";
import { count } from "@/ui/numbers";
import { Part } from "@/ui/Part";
import classes from "../compose.module.css";
import type { Timing } from "../draft/draft";
import type { Errors } from "../draft/errors";
import type { Plan } from "../queries";
import { heldBackSentences, lateSentence, newPeopleSentence, paceSentence, planSentence } from "./words";

const PlanChart = lazyPart(() => import("./PlanChart"), "PlanChart");

interface Props {
  plan: Plan | undefined;
  /** Asked for, not yet answered. */
  isPlanning: boolean;
  error: unknown;
  lacking: Errors;
  senders: readonly Sender[];
  timing: Timing;
}

const WORDS: Readonly<Record<string, string>> = {
  "steps[0].content.subject": "a subject",
  "steps[0].content.body": "a text",
  audience: "recipients",
  "timing.startTime": "a start time",
};

/** When the emails will leave and what holds them back, by the function that plans the sending. */
export function PlanPane({ plan, isPlanning, error, lacking, senders, timing }: Props) {
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
  const late = lateSentence(plan);
  return (
    <Stack gap="sm" aria-busy={isPlanning}>
      <div aria-live="polite">
        <Text fw={550}>
          {planSentence(plan, senders)}
          {isPlanning && <Loader size={12} ml={8} aria-hidden />}
        </Text>
        {sentences(plan, senders, timing).map((text) => (
          <Text key={text} mt={4}>
            {text}
          </Text>
        ))}
        {late && (
          <Text mt={4} c="var(--mantine-color-error)">
            {late}
          </Text>
        )}
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
      <Part waiting={<Skeleton height={130} />}>
        <PlanChart plan={plan} calendar={timing.calendar} />
      </Part>
      {plan.senders.length > 1 && <Parts plan={plan} senders={senders} />}
    </Stack>
  );
}

function sentences(plan: Plan, senders: readonly Sender[], timing: Timing): string[] {
  const pace = paceSentence(plan, timing);
  const people = newPeopleSentence(plan);
  return [
    ...(pace ? [pace] : []),
    ...(people ? [people] : []),
    ...heldBackSentences(plan, senders, timing.hourlyLimit),
  ];
}

/** The part of it that each mailbox sends. */
function Parts({ plan, senders }: { plan: Plan; senders: readonly Sender[] }) {
  return (
    <Table.ScrollContainer minWidth={280} type="native">
      <Table fz="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Mailbox</Table.Th>
            <Table.Th ta="end">Emails</Table.Th>
            <Table.Th>Last</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {plan.senders.map(({ senderId, count: emails, lastAt }) => (
            <Table.Tr key={senderId}>
              <Table.Td>{senders.find(({ id }) => id === senderId)?.email ?? `sender ${senderId}`}</Table.Td>
              <Table.Td ta="end" className="tabular">
                {count(emails)}
              </Table.Td>
              <Table.Td>{lastAt ? <Time value={lastAt} /> : "none"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
