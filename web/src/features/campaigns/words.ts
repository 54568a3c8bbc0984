/** Where campaigns stand, in words and sentences. */

import { sentence } from "@/api/problem";
import type { Sender } from "@/features/senders/queries";
import { localTime } from "@/time/format";
import { count, counted } from "@/ui/numbers";
import type { Status } from "@/ui/StatusBadge";
import type { Campaign, CampaignStatus } from "./queries";

/** In the order in which one chooses among them. */
export const CAMPAIGN_STATUS: Readonly<Record<CampaignStatus, Status>> = {
  ACTIVE: { label: "Active", color: "var(--status-sent)" },
  PAUSED: { label: "Paused", color: "var(--status-unknown)" },
  FINISHED: { label: "Finished", color: "var(--status-scheduled)" },
  CANCELLED: { label: "Cancelled", color: "var(--status-cancelled)" },
};

export interface HoldUp {
  text: string;
  /** `trouble`: somebody should look at it. */
  kind: "wait" | "trouble";
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

/** "Sent 12 of 20, scheduled 8": a bar in words. */
export function progressText(
  counts: ReadonlyArray<readonly [label: string, n: number]>,
  total: number,
): string {
  const parts = counts.filter(([, n]) => n > 0).map(([label, n]) => `${count(n)} ${label.toLowerCase()}`);
  return `${counted(total, "email")}: ${parts.join(", ") || "none"}`;
}
