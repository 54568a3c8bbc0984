/** Where campaigns stand, in words and sentences. */

import { sentence } from "@/api/problem";
import type { Sender } from "@/features/senders/queries";
import { localTime } from "@/time/format";
import { count, counted } from "@/ui/numbers";
import type { Status } from "@/ui/StatusBadge";
import { of } from "./counts";
import type { Campaign, CampaignStatus, Given } from "./queries";

/** In the order in which one chooses among them. */
export const CAMPAIGN_STATUS: Readonly<Record<CampaignStatus, Status>> = {
  ACTIVE: { label: "Active", color: "var(--status-sent)" },
  PAUSED: { label: "Paused", color: "var(--status-unknown)" },
  FINISHED: { label: "Finished", color: "var(--status-scheduled)" },
  CANCELLED: { label: "Cancelled", color: "var(--status-cancelled)" },
};

/** Why a sender gave emails to others, behind "because". */
export const GIVEN_FOR: Readonly<Record<Given["reason"], string>> = {
  TAKEN_OUT: "it was taken out of the campaign",
  CONNECTION: "its server could not be reached for more than an hour",
  LOGIN: "its server would not let it in for more than an hour",
  QUOTA: "its server's quota was used up for more than an hour",
};

const LATE_MS = 60_000;
const HOUR_MS = 3_600_000;

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
  // What has started is not untouched, though each of its emails waits: what is refused as the sender's is set aside.
  const started = campaign.held || (sender?.held && new Date(campaign.startTime) <= now);
  const untouched = of(campaign, "SCHEDULED") === campaign.total;
  if (untouched && next > now && !started) return wait(`It starts at ${localTime(next, now)}.`);
  const heldBack = senderHeldUp(sender, now) ?? heldUp("Held back", campaign.held, now);
  if (heldBack) return heldBack;
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

/** What holds back the sender with all its campaigns: its server's words, or that its server was not to be had. */
export function senderHeldUp(sender: Sender | undefined, now: Date): HoldUp | null {
  if (!sender) return null;
  const { email, held, blockedUntil, blockReason } = sender;
  if (held || blockedUntil === null || new Date(blockedUntil) <= now) {
    return heldUp(`${email} is held back`, held, now);
  }
  const text = `${email} is held back until ${localTime(new Date(blockedUntil), now)}, then it is tried again.`;
  return { text: blockReason ? `${text} ${sentence(blockReason)}` : text, kind: "trouble" };
}

function heldUp(who: string, held: Campaign["held"], now: Date): HoldUp | null {
  if (!held) return null;
  const why =
    held.reason === "REFUSED" ? "its server refuses email after email" : "its server takes no more for now";
  const probe = new Date(held.probeAt);
  const next = probe > now ? `The next try is at ${localTime(probe, now)}.` : "The next try is due.";
  return {
    text: `${who}: ${why}. ${next} ${sentence(held.words)}`,
    kind: held.reason === "REFUSED" ? "trouble" : "wait",
  };
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

/** "Sent 12 of 20, scheduled 8": a bar in words. */
export function progressText(
  counts: ReadonlyArray<readonly [label: string, n: number]>,
  total: number,
): string {
  const parts = counts.filter(([, n]) => n > 0).map(([label, n]) => `${count(n)} ${label.toLowerCase()}`);
  return `${counted(total, "email")}: ${parts.join(", ") || "none"}`;
}
