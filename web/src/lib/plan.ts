/** What the plan says, in sentences and bars. */

import type { components } from "@/api/schema";
import { count, counted, localTime } from "./format";

export type Plan = components["schemas"]["Preview"];

const SOON_MS = 60_000;
const MOST_BARS = 72;
const HOUR_MS = 3_600_000;

/** When the emails leave: "20 emails leave now, within a minute." */
export function planSentence(plan: Pick<Plan, "accepted" | "firstAt" | "lastAt">, now = new Date()): string {
  const first = new Date(plan.firstAt);
  const last = new Date(plan.lastAt);
  const isNow = first.getTime() - now.getTime() < SOON_MS;
  const emails = counted(plan.accepted, "email");
  if (plan.accepted === 1)
    return isNow ? "1 email leaves now." : `1 email leaves on ${localTime(first, now)}.`;
  if (last.getTime() - first.getTime() < SOON_MS) {
    const when = isNow ? "now" : `on ${localTime(first, now)}`;
    return `${emails} leave ${when}, within a minute.`;
  }
  const start = isNow ? "now" : `on ${localTime(first, now)}`;
  return `${emails} leave: the first ${start}, the last on ${localTime(last, now)}.`;
}

/** What makes it take longer than the delay alone would. */
export function heldBackSentences(plan: Plan, senderEmail: string, campaignLimit: number | null): string[] {
  const sentences: string[] = [];
  const bySender = plan.heldBackBy.senderHourlyLimit;
  const byCampaign = plan.heldBackBy.campaignHourlyLimit;
  if (bySender) {
    sentences.push(
      `Held back by the hourly limit of ${count(plan.senderHourlyLimit)} on ${senderEmail}, which is used up in ${counted(bySender, "hour")}.`,
    );
  }
  if (byCampaign && campaignLimit !== null) {
    sentences.push(
      `Held back by this campaign's own limit of ${count(campaignLimit)} an hour, which is used up in ${counted(byCampaign, "hour")}.`,
    );
  }
  return sentences;
}

export interface Bar {
  label: string;
  emails: number;
}

/** A bar for each hour, gaps included, or for each day where hours would be too many. */
export function bars(hourly: Plan["hourly"]): { unit: "hour" | "day"; bars: Bar[] } {
  const starts = hourly.map(({ start, count }) => ({ at: new Date(start), count }));
  const first = starts[0]?.at.getTime() ?? 0;
  const last = starts.at(-1)?.at.getTime() ?? 0;
  if ((last - first) / HOUR_MS < MOST_BARS) {
    const byHour = new Map(starts.map(({ at, count }) => [at.getTime(), count]));
    const made: Bar[] = [];
    for (let at = first; at <= last; at += HOUR_MS) {
      made.push({ label: localTime(new Date(at)), emails: byHour.get(at) ?? 0 });
    }
    return { unit: "hour", bars: made };
  }
  const byDay = new Map<string, number>();
  const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
  for (const { at, count } of starts) {
    const day = days.format(at);
    byDay.set(day, (byDay.get(day) ?? 0) + count);
  }
  return { unit: "day", bars: [...byDay].map(([label, emails]) => ({ label, emails })) };
}
