/** How fast a campaign goes, in words. */

import { count } from "@/ui/numbers";

export type DelayUnit = "seconds" | "minutes" | "hours";

export const UNIT_MS: Readonly<Record<DelayUnit, number>> = {
  seconds: 1_000,
  minutes: 60_000,
  hours: 3_600_000,
};

/** The delay by which `perHour` emails are spread over the hour. */
export function spreadDelayMs(perHour: number): number {
  return Math.ceil(3_600_000 / perHour);
}

/** "One every 30 seconds", "one after the other, as fast as the limits allow". */
export function everyWords(delayMs: number): string {
  if (delayMs <= 0) return "One after the other, as fast as the limits allow.";
  for (const [unit, size] of [
    ["hour", 3_600_000],
    ["minute", 60_000],
  ] as const) {
    if (delayMs === size) return `One every ${unit}.`;
    if (delayMs % size === 0) return `One every ${count(delayMs / size)} ${unit}s.`;
  }
  if (delayMs === 1_000) return "One every second.";
  if (delayMs > 60_000) {
    const seconds = Math.round((delayMs % 60_000) / 1_000);
    const minutes = Math.floor(delayMs / 60_000);
    return `One every ${count(minutes)} min ${seconds} s.`;
  }
  return `One every ${Number((delayMs / 1_000).toFixed(1))} seconds.`;
}
