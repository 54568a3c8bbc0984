/** Where campaigns stand, in words and sentences. */

import { sentence } from "@/api/problem";
import type { Sender } from "@/features/senders/queries";
import { localTime } from "@/time/format";
import { count, counted } from "@/ui/numbers";
import type { Status } from "@/ui/StatusBadge";
import { of } from "./counts";
import type { Campaign, CampaignStatus } from "./queries";

/** In the order in which one chooses among them. */
export const CAMPAIGN_STATUS: Readonly<Record<CampaignStatus, Status>> = {
  ACTIVE: { label: "Active", color: "var(--status-sent)" },
  PAUSED: { label: "Paused", color: "var(--status-unknown)" },
  FINISHED: { label: "Finished", color: "var(--status-scheduled)" },
  CANCELLED: { label: "Cancelled", color: "var(--status-cancelled)" },
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
  const untouched = of(campaign, "SCHEDULED") === campaign.total;
  if (untouched && next > now && !campaign.held) return wait(`It starts at ${localTime(next, now)}.`);
  const held = heldUp(campaign, sender, now);
  if (held) return held;
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

/** What a server's words hold back: the sender with all its campaigns, or this one. */
function heldUp(campaign: Campaign, sender: Sender | undefined, now: Date): HoldUp | null {
  const held = sender?.held ?? campaign.held;
  if (!held) return null;
  const who = sender?.held ? `${sender.email} is held back` : "Held back";
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
