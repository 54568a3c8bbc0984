/** Where campaigns and emails stand, in sentences. */

import { sentence } from "@/api/problem";
import type { Attempt, Campaign, Email, EmailStatus, Sender } from "@/api/queries";
import { count, counted, localTime } from "./format";

const LATE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** How many of a campaign's emails are in a status. */
export const of = (campaign: Pick<Campaign, "counts">, status: EmailStatus) => campaign.counts[status] ?? 0;

/** What is not decided yet: waits, or is at a mail server. */
export const waiting = (campaign: Pick<Campaign, "counts">) =>
  of(campaign, "SCHEDULED") + of(campaign, "SENDING");

export interface HoldUp {
  text: string;
  /** `trouble`: somebody should look at it. */
  kind: "wait" | "trouble";
}

/** Why the campaign's next email does not go right now; null: nothing holds it back, or nothing waits. */
export function holdUp(campaign: Campaign, sender: Sender | undefined, now: Date): HoldUp | null {
  if (of(campaign, "SCHEDULED") === 0) return null;
  if (campaign.status === "PAUSED") return wait("Paused: nothing of it is sent until you resume it.");
  if (campaign.status !== "ACTIVE" || campaign.nextAt === null) return null;
  const next = new Date(campaign.nextAt);
  const untouched = of(campaign, "SCHEDULED") === campaign.total;
  if (untouched && next > now) return wait(`It starts at ${localTime(next, now)}.`);
  if (sender?.blockedUntil && new Date(sender.blockedUntil) > now) {
    const until = localTime(new Date(sender.blockedUntil), now);
    const text = `${sender.email} is held back until ${until}, then it is tried again.`;
    return { text: sender.blockReason ? `${text} ${sentence(sender.blockReason)}` : text, kind: "trouble" };
  }
  const full = fullHour(campaign, sender);
  if (full) return wait(`${full} It goes on at ${localTime(nextHour(now), now)}.`);
  if (next.getTime() - now.getTime() > LATE_MS) {
    return wait(`The next email is planned for ${localTime(next, now)}.`);
  }
  if (now.getTime() - next.getTime() > LATE_MS && of(campaign, "SENDING") === 0) {
    const text = `Emails have been due since ${localTime(next, now)} and none goes. Perhaps no worker is running.`;
    return { text, kind: "trouble" };
  }
  return null;
}

function fullHour(campaign: Campaign, sender: Sender | undefined): string | null {
  const { usedThisHour, hourlyLimit } = campaign;
  if (hourlyLimit !== null && usedThisHour >= hourlyLimit) {
    return `The campaign's hourly limit is reached: ${count(usedThisHour)} of ${count(hourlyLimit)} this hour.`;
  }
  if (sender && sender.usedThisHour >= sender.hourlyLimit) {
    const used = `${count(sender.usedThisHour)} of ${count(sender.hourlyLimit)}`;
    return `The hourly limit of ${sender.email} is reached: ${used} this hour.`;
  }
  return null;
}

/** Limits count by hours of the clock in UTC. */
function nextHour(now: Date): Date {
  return new Date((Math.floor(now.getTime() / HOUR_MS) + 1) * HOUR_MS);
}

function wait(text: string): HoldUp {
  return { text, kind: "wait" };
}

type Told = Pick<Email, "status" | "retryCount" | "attempts" | "scheduledAt">;

/** What an email's status means, and what becomes of it. */
export function explain(email: Told, now = new Date()): string {
  const tries = email.attempts.length;
  const last: Attempt | undefined = email.attempts.at(-1);
  switch (email.status) {
    case "SCHEDULED":
      if (tries === 0) return "It waits for its time, and then for room under the hourly limits.";
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

/** "Sent 12 of 20, scheduled 8": a bar in words. */
export function progressText(
  counts: ReadonlyArray<readonly [label: string, n: number]>,
  total: number,
): string {
  const parts = counts.filter(([, n]) => n > 0).map(([label, n]) => `${count(n)} ${label.toLowerCase()}`);
  return `${counted(total, "email")}: ${parts.join(", ") || "none"}`;
}
