/** The statuses of emails, and decisions about them, in words and sentences. */

import { count, counted } from "@/ui/numbers";
import { keysOf } from "@/ui/options";
import type { Status } from "@/ui/StatusBadge";
import type { Email, EmailStatus, FailureDecision, FailureReason, Held } from "./queries";

/** In the order in which statuses are shown side by side, in bars, legends and tables. */
export const EMAIL_STATUS: Readonly<Record<EmailStatus, Status>> = {
  SENT: { label: "Sent", color: "var(--status-sent)" },
  SENDING: { label: "Sending", color: "var(--status-sending)" },
  SCHEDULED: { label: "Scheduled", color: "var(--status-scheduled)" },
  UNKNOWN: { label: "In doubt", color: "var(--status-unknown)" },
  FAILED: { label: "Failed", color: "var(--status-failed)" },
  CANCELLED: { label: "Cancelled", color: "var(--status-cancelled)" },
};

export const EMAIL_STATUSES = keysOf(EMAIL_STATUS);

export type Decision = "retry" | "aside" | "never" | "resend" | "sent";

interface DecisionWords {
  button: string;
  title: (n: number) => string;
  text: string;
  done: (n: number) => string;
  /** Why others of those in question stayed as they were. */
  left: string;
}

const BEFORE = "somebody decided on them before";
const NO_MORE = `${BEFORE}, or nothing more goes to their recipients (suppressed, erased, stopped or answered) or of their step (removed) or campaign (cancelled, or past its latest time)`;

/** Decisions of a person about emails that ended FAILED (`retry`, `aside`, `never`) or UNKNOWN (`resend`, `sent`). */
export const DECISIONS: Readonly<Record<Decision, DecisionWords>> = {
  retry: {
    button: "Retry",
    title: (n) => `Retry ${counted(n, "email")}?`,
    text: "They were refused, so nobody gets one twice. They go from now on, as far apart as their campaign says and within the hourly limits.",
    done: (n) => `${counted(n, "email")} will be tried again.`,
    left: NO_MORE,
  },
  aside: {
    button: "Put aside",
    title: (n) => `Put ${counted(n, "email")} aside?`,
    text: "They count as failed, and nobody is asked about them any more. Each can still be retried from its own page.",
    done: (n) => `${counted(n, "email")} put aside.`,
    left: BEFORE,
  },
  never: {
    button: "Never write again",
    title: (n) => `Never write to the recipients of ${counted(n, "email")} again?`,
    text: "Their addresses come among the suppressed ones: no campaign of the workspace writes to them any more, and what waits for them is cancelled.",
    done: (n) => `${counted(n, "recipient")} will not be written to again.`,
    left: `${BEFORE}, or their recipients were erased`,
  },
  resend: {
    button: "Send again",
    title: (n) => `Send ${counted(n, "email")} again?`,
    text: "The mail server may have taken them the first time. Whoever got the email then may get it twice.",
    done: (n) => `${counted(n, "email")} will be sent again.`,
    left: NO_MORE,
  },
  sent: {
    button: "Assume sent",
    title: (n) => `Take ${counted(n, "email")} as sent?`,
    text: "They count as sent and are not tried again. Whoever did not get the email will not get it. This cannot be undone.",
    done: (n) => `${counted(n, "email")} counted as sent.`,
    left: BEFORE,
  },
};

/** The result of a decision on so many emails; one on many goes on in the background. */
export function outcome(
  decision: Decision,
  wanted: number,
  { changed, goesOn }: { changed: number; goesOn: boolean },
): string {
  const { done, left } = DECISIONS[decision];
  if (goesOn) return `${done(changed)} The others follow in the background.`;
  const others = wanted - changed;
  if (others <= 0) return done(changed);
  return `${done(changed)} ${counted(others, "other")} ${others === 1 ? "is" : "are"} left out: ${left}.`;
}

export function decisionsOn(status: EmailStatus | null | undefined): readonly Decision[] {
  if (status === "FAILED") return ["retry", "aside", "never"];
  return status === "UNKNOWN" ? ["resend", "sent"] : [];
}

/** Why emails failed, in plain words, and what mostly helps. */
export const FAILURE: Readonly<Record<FailureReason, { label: string; advice: string }>> = {
  UNKNOWN_ADDRESS: {
    label: "Unknown address",
    advice: "There is no such mailbox. Correct it, or never write to it again.",
  },
  UNKNOWN_DOMAIN: {
    label: "Unknown domain",
    advice: "What stands behind the @ takes no mail: mostly a typing mistake.",
  },
  MAILBOX_FULL: { label: "Mailbox full", advice: "It may have room another day: retry then." },
  MAILBOX_CLOSED: {
    label: "Mailbox takes nothing",
    advice: "It is disabled, or chooses whom it listens to.",
  },
  SPAM: {
    label: "Refused as spam",
    advice: "Look at the text, its links and your domain's records before you retry.",
  },
  OUR_LOGIN: {
    label: "Our login or address refused",
    advice: "The server does not let this sender write: mend the sender, then retry.",
  },
  TOO_FAST: {
    label: "Too many at once",
    advice: "A limit of the server was reached: lower the sender's, then retry.",
  },
  TOO_LARGE: { label: "Too large", advice: "Make the message or its files smaller." },
  NOT_REACHED: {
    label: "Not reached",
    advice: "Their server had trouble for as long as it was tried. Retry another day.",
  },
  NOT_WRITTEN: {
    label: "Could not be written",
    advice: "The text asks for something this recipient does not have. Mend the text, then retry.",
  },
  OTHER: { label: "Other reasons", advice: "What the server said stands behind each." },
};

export const SETTLED: Readonly<Record<NonNullable<Email["settled"]>, string>> = {
  PUT_ASIDE: "Put aside",
  SUPPRESSED: "Never again",
  MENDED: "Address corrected",
  DIRECT: "Written by hand",
};

/** How far a word on many has come. */
export function progressOf({ verb, changed, leftOut, total, finishedAt, error }: FailureDecision): string {
  const what = { RETRY: "tried again", PUT_ASIDE: "put aside", SUPPRESS: "not written to again" }[verb];
  const left = leftOut ? `, ${counted(leftOut, "other")} left out` : "";
  if (error) return `It ended early, with ${count(changed)} ${what}: ${error}`;
  if (finishedAt) return `${counted(changed, "email")} ${what}${left}.`;
  return `${count(changed + leftOut)} of ${counted(total, "email")} so far: ${count(changed)} ${what}${left}.`;
}

/** Holds by a server's words, by reason. */
export const HELD: Readonly<
  Record<Held["reason"], { title: Readonly<Record<"campaign" | "sender", string>>; text: string }>
> = {
  REFUSED: {
    title: {
      campaign: "The server refuses this campaign's emails",
      sender: "The server refuses this sender's emails",
    },
    text: "It may be the text, the sender or the recipients, so no further email fails for it and all wait. From time to time one is tried, and once it gets through, all go on.",
  },
  SERVER_SLOW: {
    title: { campaign: "The server takes no more for now", sender: "The server takes no more for now" },
    text: "Emails wait, none is lost. From time to time one is tried, and sending goes on by itself.",
  },
};

/** How many emails met a refusal: the beginning of a sentence that goes on with since when. */
export function metBy({ reason, emails }: Held): string {
  if (reason === "SERVER_SLOW" || emails === null) return "So it has said";
  return `So it has answered ${counted(emails, "email")}`;
}

export type HeldAnswer = "try" | "fail" | "go_on";

/** The result of a decision, for the person who made it: while a campaign is paused, nothing goes yet. */
export const HELD_ANSWERED: Readonly<Record<HeldAnswer, Readonly<Record<"going" | "paused", string>>>> = {
  try: { going: "The next email is tried now.", paused: "The next email is tried once it is resumed." },
  fail: {
    going: "Those recipients failed, the others go on.",
    paused: "Those recipients failed, the others go on once it is resumed.",
  },
  go_on: { going: "It goes on.", paused: "It goes on once it is resumed." },
};
