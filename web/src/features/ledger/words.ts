/** Where emails stand and what can be decided about them, in words and sentences. */

import { localTime } from "@/time/format";
import { counted } from "@/ui/numbers";
import { keysOf } from "@/ui/options";
import type { Status } from "@/ui/StatusBadge";
import type { Attempt, Email, EmailStatus, Held } from "./queries";

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

type Told = Pick<Email, "status" | "retryCount" | "attempts" | "scheduledAt">;

/** What an email's status means, and what becomes of it. */
export function explain(email: Told, now = new Date()): string {
  const tries = email.attempts.length;
  const last: Attempt | undefined = email.attempts.at(-1);
  switch (email.status) {
    case "SCHEDULED":
      if (tries === 0) return "It waits to be sent.";
      return `It has not been sent: see the last attempt. It is tried again at ${localTime(new Date(email.scheduledAt), now)}.`;
    case "SENDING":
      return "It is being handed to the mail server right now.";
    case "SENT":
      return last?.outcome === "UNKNOWN"
        ? "It counts as sent. No answer of the mail server reached us, so it may not have been."
        : "The mail server took it. From there on it is up to that server and those after it.";
    case "FAILED":
      return last?.outcome === "DEFERRED"
        ? `The mail server refused it ${counted(tries, "time")}, so it is not tried again by itself.`
        : "The mail server refused it for good. Nobody has got it.";
    case "UNKNOWN":
      return "The mail server may have taken it: the connection was lost before its answer came. It stays like this until you decide.";
    case "CANCELLED":
      return "Its campaign was cancelled before its turn. It was not sent.";
  }
}

export const OUTCOMES: Readonly<Record<Attempt["outcome"], { label: string; text: string }>> = {
  ACCEPTED: { label: "Accepted", text: "The mail server took it." },
  REJECTED: { label: "Refused", text: "The mail server refused it for good." },
  DEFERRED: { label: "Refused for now", text: "The mail server asked to try again later." },
  RELEASED: { label: "Given back", text: "Not this email's fault: it waits as before." },
  UNKNOWN: { label: "No answer", text: "The connection was lost after the message, before the answer." },
};

/** Code, enhanced code and text of a reply, as a server says them: "550 5.1.1 No such user". */
export function reply(answer: Pick<Attempt, "code" | "enhancedCode" | "reply">): string {
  return [answer.code, answer.enhancedCode, answer.reply]
    .filter((part) => part !== null && part !== "")
    .join(" ");
}

export type Decision = "retry" | "resend" | "sent";

interface DecisionWords {
  button: string;
  title: (n: number) => string;
  text: string;
  done: (n: number) => string;
}

/** What a person can decide about emails that ended FAILED (`retry`) or UNKNOWN (`resend`, `sent`). */
export const DECISIONS: Readonly<Record<Decision, DecisionWords>> = {
  retry: {
    button: "Retry",
    title: (n) => `Retry ${counted(n, "email")}?`,
    text: "They were refused, so nobody gets one twice. They go from now on, as far apart as their campaign says and within the hourly limits.",
    done: (n) => `${counted(n, "email")} will be tried again.`,
  },
  resend: {
    button: "Send again",
    title: (n) => `Send ${counted(n, "email")} again?`,
    text: "The mail server may have taken them the first time. Whoever got the email then may get it twice.",
    done: (n) => `${counted(n, "email")} will be sent again.`,
  },
  sent: {
    button: "Assume sent",
    title: (n) => `Take ${counted(n, "email")} as sent?`,
    text: "They count as sent and are not tried again. Whoever did not get the email will not get it. This cannot be undone.",
    done: (n) => `${counted(n, "email")} counted as sent.`,
  },
};

export function decisionsOn(status: EmailStatus | null | undefined): readonly Decision[] {
  if (status === "FAILED") return ["retry"];
  return status === "UNKNOWN" ? ["resend", "sent"] : [];
}

/** What a server's words hold back, by why. */
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

/** What was done, as a person answered: of a campaign that is paused, too, nothing goes yet. */
export const HELD_ANSWERED: Readonly<Record<HeldAnswer, Readonly<Record<"going" | "paused", string>>>> = {
  try: { going: "The next email is tried now.", paused: "The next email is tried once it is resumed." },
  fail: {
    going: "Those recipients failed, the others go on.",
    paused: "Those recipients failed, the others go on once it is resumed.",
  },
  go_on: { going: "It goes on.", paused: "It goes on once it is resumed." },
};
