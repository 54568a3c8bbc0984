/** The fate of an email, and why, in words and sentences. */

import { localTime } from "@/time/format";
import { counted } from "@/ui/numbers";
import type { Attempt, CancelReason, Email } from "./queries";

/** Why an email was cancelled: of one in a list, of many behind how many they are, and in a sentence. */
export const CANCELLED_FOR: Readonly<
  Record<CancelReason, { label: string; ofMany: string; sentence: string }>
> = {
  CAMPAIGN: {
    label: "With its campaign",
    ofMany: "with the campaign",
    sentence: "Its campaign was cancelled before its turn.",
  },
  SUPPRESSED: {
    label: "Suppressed",
    ofMany: "for suppressed recipients",
    sentence: "The recipient is suppressed: nothing more is sent to them.",
  },
  UNSUBSCRIBED: {
    label: "Unsubscribed",
    ofMany: "for recipients who unsubscribed",
    sentence: "The recipient unsubscribed before its turn.",
  },
  REPLIED: {
    label: "Answered",
    ofMany: "for recipients who answered",
    sentence: "The recipient answered before its turn.",
  },
  BOUNCED: {
    label: "Address is dead",
    ofMany: "for dead addresses",
    sentence: "An earlier email to the address came back: it is dead.",
  },
  STOPPED: {
    label: "Stopped",
    ofMany: "stopped by a person",
    sentence: "A person stopped it for this recipient.",
  },
  LATE: {
    label: "Too late",
    ofMany: "too late",
    sentence: "It had not gone by the campaign's last moment.",
  },
  ERASED: {
    label: "Erased",
    ofMany: "for erased recipients",
    sentence: "The recipient was erased before its turn.",
  },
};

type Told = Pick<Email, "status" | "retryCount" | "attempts" | "scheduledAt" | "cancelReason" | "notInSent">;

/** The meaning of an email's status, and what becomes of it. */
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
      return `The mail server may have taken it: the connection was lost before its answer came. ${notInSent(email.notInSent, now)}It stays like this until you decide.`;
    case "CANCELLED":
      return `${CANCELLED_FOR[email.cancelReason ?? "CAMPAIGN"].sentence} It was not sent.`;
  }
}

function notInSent(told: Told["notInSent"], now: Date): string {
  if (!told) return "";
  const means =
    told.keepsCopies === null
      ? "Whether this server keeps copies there, a check on the wire of the sender tells. "
      : told.keepsCopies
        ? "This server keeps copies there, so it was probably not sent. "
        : "This server keeps no copies there, so that says nothing. ";
  return `Its copy is not in Sent, where it was looked for ${counted(told.readings, "time")}, last at ${localTime(new Date(told.lastAt), now)}. ${means}`;
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
