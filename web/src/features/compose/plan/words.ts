/** What the plan says, in sentences. */

import { localTime } from "@/time/format";
import { count, counted } from "@/ui/numbers";
import type { Plan } from "../queries";

const SOON_MS = 60_000;

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
  const bySender = plan.heldBackBy.HOURLY_LIMIT;
  const byCampaign = plan.heldBackBy.CAMPAIGN_LIMIT;
  const [sender] = plan.senders;
  if (bySender && sender) {
    sentences.push(
      `Held back by the hourly limit of ${count(sender.hourlyLimit)} on ${senderEmail}, which is used up in ${counted(bySender, "hour")}.`,
    );
  }
  if (byCampaign && campaignLimit !== null) {
    sentences.push(
      `Held back by this campaign's own limit of ${count(campaignLimit)} an hour, which is used up in ${counted(byCampaign, "hour")}.`,
    );
  }
  return sentences;
}
