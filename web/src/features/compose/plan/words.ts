/** The plan in sentences. */

import { calendarWords } from "@/features/campaigns/calendar";
import type { Sender } from "@/features/senders/queries";
import { senderHeldUp } from "@/features/senders/words";
import { localTime } from "@/time/format";
import { count, counted } from "@/ui/numbers";
import type { Timing } from "../draft/draft";
import type { Plan } from "../queries";

const SOON_MS = 60_000;

/** Whether sending is planned to begin at once. */
export function leavesNow({ firstAt }: Pick<Plan, "firstAt">, now = new Date()): boolean {
  return Date.parse(firstAt) - now.getTime() < SOON_MS;
}

/** Nothing leaves while all mailboxes are held back, which the plan does not reckon with: until when; null: one is not. */
function letIn(senders: readonly Sender[], now: Date): string | null {
  if (senders.length === 0 || !senders.every((sender) => senderHeldUp(sender, now))) return null;
  return `once ${senders.length === 1 ? "the mailbox" : "a mailbox"} is held back no more`;
}

/** From when until when: "Begins now, ends 4 Dec, 13:00." */
export function spanSentence(
  { firstAt, lastAt }: Pick<Plan, "firstAt" | "lastAt">,
  senders: readonly Sender[] = [],
  now = new Date(),
): string {
  const held = leavesNow({ firstAt }, now) && letIn(senders, now);
  if (held) return `Begins ${held}.`;
  const begins = leavesNow({ firstAt }, now) ? "now" : localTime(new Date(firstAt), now);
  const isShort = Date.parse(lastAt) - Date.parse(firstAt) < SOON_MS;
  return isShort ? `Begins ${begins}.` : `Begins ${begins}, ends ${localTime(new Date(lastAt), now)}.`;
}

/** When the emails leave: "20 emails leave now, within a minute." */
export function planSentence(
  plan: Pick<Plan, "accepted" | "firstAt" | "lastAt">,
  senders: readonly Sender[] = [],
  now = new Date(),
): string {
  const first = new Date(plan.firstAt);
  const last = new Date(plan.lastAt);
  const isNow = leavesNow(plan, now);
  const emails = counted(plan.accepted, "email");
  const held = isNow && letIn(senders, now);
  if (held) return `${emails} ${plan.accepted === 1 ? "leaves" : "leave"} ${held}.`;
  if (plan.accepted === 1)
    return isNow ? "1 email leaves now." : `1 email leaves on ${localTime(first, now)}.`;
  if (last.getTime() - first.getTime() < SOON_MS) {
    const when = isNow ? "now" : `on ${localTime(first, now)}`;
    return `${emails} leave ${when}, within a minute.`;
  }
  const start = isNow ? "now" : `on ${localTime(first, now)}`;
  return `${emails} leave: the first ${start}, the last on ${localTime(last, now)}.`;
}

/** "Tuesdays to Thursdays, 9:00 to 16:00 their time, about 38 a day from 3 mailboxes." Null where there is no more to say. */
export function paceSentence(plan: Plan, { calendar }: Pick<Timing, "calendar">): string | null {
  const mailboxes = plan.senders.filter((each) => each.count > 0).length;
  const busy = plan.days.filter((each) => (each.steps?.[0] ?? each.count) > 0).length;
  const parts = [
    calendar && calendarWords(calendar),
    busy > 1 && `about ${count(Math.round(plan.accepted / busy))} a day`,
  ].filter(Boolean);
  if (parts.length === 0 && mailboxes < 2) return null;
  const from = mailboxes > 1 ? ` from ${count(mailboxes)} mailboxes` : "";
  const text = parts.length > 0 ? `${parts.join(", ")}${from}` : `All${from}`;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Reasons why it takes longer than by the delay alone. */
export function heldBackSentences(
  plan: Pick<Plan, "heldBackBy">,
  senders: readonly Sender[],
  campaignLimit: number | null,
  now = new Date(),
): string[] {
  const heldUp = senders
    .map((sender) => senderHeldUp(sender, now)?.text)
    .filter((text) => text !== undefined);
  const bounds = Object.entries(plan.heldBackBy).map(([bound, hours]) => {
    if (bound === "FOLLOW_UPS") return `Room is kept for follow-ups in ${counted(hours, "hour")}.`;
    const what =
      bound === "CAMPAIGN_LIMIT"
        ? `this campaign's own limit${campaignLimit === null ? "" : ` of ${count(campaignLimit)} an hour`}`
        : ofSenders(bound, senders);
    return `Held back by ${what}, used up in ${counted(hours, "hour")}.`;
  });
  return [...heldUp, ...bounds];
}

function ofSenders(bound: string, senders: readonly Sender[]): string {
  const [sender] = senders;
  if (!sender || senders.length > 1) return `the mailboxes' ${LIMITS_OF_ALL[bound] ?? bound}`;
  const limits: Readonly<Record<string, string>> = {
    HOURLY_LIMIT: `the hourly limit of ${count(sender.hourlyLimit)}`,
    DAILY_LIMIT: `the limit of ${count(sender.dailyLimit ?? 0)} in 24 hours`,
    RAMP: "the ramp-up",
    LEAST_GAP: "the least gap between two emails",
  };
  return `${limits[bound] ?? bound} on ${sender.email}`;
}

const LIMITS_OF_ALL: Readonly<Record<string, string>> = {
  HOURLY_LIMIT: "hourly limits",
  DAILY_LIMIT: "limits in 24 hours",
  RAMP: "ramp-up",
  LEAST_GAP: "least gaps between two emails",
};

/** "With 3 steps, the limits leave room for about 13 new people a day." Null where that binds nobody, or there is one step. */
export function newPeopleSentence({
  newPerDay = null,
  steps = [],
  accepted,
}: Pick<Plan, "newPerDay" | "steps" | "accepted">) {
  if (newPerDay === null || newPerDay >= accepted) return null;
  const people =
    newPerDay === 0 ? "fewer than one new person" : `about ${counted(newPerDay, "new person", "new people")}`;
  return `With ${counted(steps.length, "step")}, the limits leave room for ${people} a day.`;
}

/** Words about emails that will not be sent at all; null: all are. */
export function lateSentence({ late, accepted }: Pick<Plan, "late" | "accepted">): string | null {
  if (late === 0) return null;
  if (late === accepted)
    return "All of it is planned for after the last moment you gave: nothing would be sent.";
  return `${counted(late, "email")} planned for after the last moment you gave will be cancelled then.`;
}
