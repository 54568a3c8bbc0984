/** Where campaigns stand, in words and sentences. */

import { count, counted } from "@/ui/numbers";
import type { Status } from "@/ui/StatusBadge";
import type { CampaignStatus } from "./queries";

/** In the order in which one chooses among them. */
export const CAMPAIGN_STATUS: Readonly<Record<CampaignStatus, Status>> = {
  ACTIVE: { label: "Active", color: "var(--status-sent)" },
  PAUSED: { label: "Paused", color: "var(--status-unknown)" },
  FINISHED: { label: "Finished", color: "var(--status-scheduled)" },
  CANCELLED: { label: "Cancelled", color: "var(--status-cancelled)" },
};

/** "Sent 12 of 20, scheduled 8": a bar in words. */
export function progressText(
  counts: ReadonlyArray<readonly [label: string, n: number]>,
  total: number,
): string {
  const parts = counts.filter(([, n]) => n > 0).map(([label, n]) => `${count(n)} ${label.toLowerCase()}`);
  return `${counted(total, "email")}: ${parts.join(", ") || "none"}`;
}
