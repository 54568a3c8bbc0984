import { Button, Group, Modal, Skeleton, Stack, Text } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useQueries } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { sentence } from "@/api/problem";
import { LeftOut } from "@/features/recipients/LeftOut";
import type { Sender } from "@/features/senders/queries";
import { SandboxNote } from "@/features/senders/SandboxNote";
import { useSandboxed } from "@/features/senders/useSandboxed";
import { Time } from "@/time/Time";
import { Facts } from "@/ui/Facts";
import { count, counted } from "@/ui/numbers";
import verbs from "@/ui/verbs.module.css";
import type { Step, Timing } from "../draft/draft";
import { heldBackSentences, lateSentence, leavesNow, paceSentence, planSentence } from "../plan/words";
import { Hints } from "../preview/Hints";
import { hintsAt } from "../preview/hintsAt";
import { renderedQuery } from "../preview/useRendered";
import type { Plan } from "../queries";
import { leftOutCount, leftOutRows, unnamed } from "../recipients/leftOut";
import type { Recipients } from "../recipients/useRecipients";
import { blankSentences, followUpSentence } from "./words";

interface Props {
  opened: boolean;
  /** Of the draft as it is; undefined while it is asked for. */
  plan: Plan | undefined;
  error: unknown;
  senders: readonly Sender[];
  recipients: Recipients;
  timing: Timing;
  /** The steps after the first. */
  later: readonly Step[];
  /** The requests for how they look to the recipient who is previewed. */
  looks: readonly string[];
  onClose: () => void;
  onSend: () => void;
}

/** A summary of the campaign, to be read before it is scheduled: from here it goes by itself. */
export function ConfirmSheet({ opened, plan, error, onClose, onSend, ...about }: Props) {
  const isNow = plan !== undefined && leavesNow(plan);
  const emails = plan && counted(plan.accepted, "email");
  return (
    // Its own head would be a second banner of the page.
    <Modal.Root opened={opened} onClose={onClose} closeOnClickOutside={false} size={620} centered>
      <Modal.Overlay />
      <Modal.Content>
        <Modal.Body pt="md">
          <Modal.Title fz="lg" fw={620} mb="sm">
            {isNow ? "Ready to send?" : "Ready to schedule?"}
          </Modal.Title>
          <Stack gap="md">
            <div aria-live="polite">
              {plan ? (
                <Text fw={550}>{planSentence(plan, about.senders)}</Text>
              ) : error ? (
                <Text c="var(--mantine-color-error)">{sentence(error)}</Text>
              ) : (
                <Skeleton height={22} aria-label="The plan is being made" />
              )}
            </div>
            {plan && <About plan={plan} {...about} />}
            <Group justify="flex-end" gap="sm" className={verbs.verbs ?? ""}>
              <Button variant="default" onClick={onClose} data-autofocus>
                Back to the draft
              </Button>
              <Button disabled={!plan} onClick={onSend} leftSection={<IconSend size={17} aria-hidden />}>
                {isNow ? "Send" : "Schedule"} {emails}
              </Button>
            </Group>
          </Stack>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

type AboutProps = Pick<Props, "senders" | "recipients" | "timing" | "later" | "looks"> & { plan: Plan };

function About({ plan, senders, recipients, timing, later, looks }: AboutProps) {
  const looked = useQueries({ queries: looks.map(renderedQuery) });
  const hinted = looked.map(({ data }, at) => ({
    step: at + 2,
    hints: hintsAt(later[at], data?.hints ?? []),
  }));
  const anyHint = plan.hints.length > 0 || hinted.some(({ hints }) => hints.length > 0);
  const isSandboxed = useSandboxed();
  const held = heldBackSentences(plan, senders, timing.hourlyLimit);
  const late = lateSentence(plan);
  const blanks = blankSentences(plan.lacking);
  const left = leftOutCount(plan);
  const sandboxed = senders.filter(isSandboxed);
  const facts: ReadonlyArray<readonly [string, ReactNode]> = [
    ["First to", plan.firstTo],
    ["From", <Mailboxes key="from" plan={plan} senders={senders} isSandboxed={isSandboxed} />],
    ["First", <Time key="first" value={plan.firstAt} />],
    ["Last", <Time key="last" value={plan.lastAt} />],
    ["Pace", paceSentence(plan, timing)],
    ["Follow-ups", later.length > 0 ? followUpSentence(later) : null],
    ["Held back", held.length > 0 ? <Lines key="held" lines={held} /> : "By nothing."],
    [
      "Blank fields",
      blanks.length > 0 ? <Lines key="blanks" lines={blanks} /> : "None of those that the text uses.",
    ],
    ["Links", anyHint ? "See below." : "Nothing is wrong with their form."],
    ["Left out", left === 0 ? "Nobody." : null],
  ];
  return (
    <>
      {sandboxed.length > 0 && (
        <SandboxNote>
          {sandboxed.length === senders.length
            ? "All of it stays on this machine."
            : `What ${sandboxed.map(({ email }) => email).join(", ")} sends stays on this machine.`}
        </SandboxNote>
      )}
      {late && <Text c="var(--mantine-color-error)">{late}</Text>}
      <Facts facts={facts} />
      <Hints hints={plan.hints} inOneLine={plan.subjectsInOneLine} />
      {hinted.map(({ step, hints }) => (
        <Hints key={step} title={`Before you send step ${step}`} hints={hints} inOneLine={0} />
      ))}
      <LeftOut
        label="Who is left out"
        rows={leftOutRows(plan, [], recipients)}
        total={left}
        unnamed={unnamed(plan)}
        rowWord={recipients.rowWord}
      />
    </>
  );
}

interface MailboxesProps {
  plan: Plan;
  senders: readonly Sender[];
  isSandboxed: (sender: Sender) => boolean;
}

function Mailboxes({ plan, senders, isSandboxed }: MailboxesProps) {
  const lines = plan.senders.map(({ senderId, count: emails }) => {
    const sender = senders.find(({ id }) => id === senderId);
    const share = plan.senders.length > 1 ? `: ${count(emails)}` : "";
    return `${sender?.email ?? `sender ${senderId}`}${sender && isSandboxed(sender) ? " (sandbox)" : ""}${share}`;
  });
  return <Lines lines={lines} />;
}

function Lines({ lines }: { lines: readonly string[] }) {
  return lines.map((line) => <div key={line}>{line}</div>);
}
