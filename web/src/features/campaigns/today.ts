/** Figures of the current day. */

import type { components } from "@/api/schema";
import { count } from "@/ui/numbers";

type Hour = Pick<components["schemas"]["Hour"], "windowStart" | "accepted">;

/** As the API counts: more than this is told as this and one. */
const DUE_AT_MOST = 10_000;

/**
 * The number of emails that mail servers took since then. Hours are those of UTC: where a timezone is off by half of
 * one, so is this.
 */
export function sentSince(hours: readonly Hour[], begin: Date): number {
  return hours
    .filter((hour) => new Date(hour.windowStart) >= begin)
    .reduce((sum, hour) => sum + hour.accepted, 0);
}

export function dueText(due: number): string {
  return due > DUE_AT_MOST ? `over ${count(DUE_AT_MOST)}` : count(due);
}
