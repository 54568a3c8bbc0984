/** How fast a campaign goes, in words. */

import { count } from "@/ui/numbers";

export type DelayUnit = "seconds" | "minutes" | "hours";

export const UNIT_MS: Readonly<Record<DelayUnit, number>> = {
  seconds: 1_000,
  minutes: 60_000,
  hours: 3_600_000,
};

const MINUTE_MS = UNIT_MS.minutes;

/** The delay by which `perHour` emails are spread over the hour. */
export function spreadDelayMs(perHour: number): number {
  return Math.ceil(3_600_000 / perHour);
}

/** "One every 30 seconds", "one after the other, as fast as the limits allow". */
export function everyWords(delayMs: number): string {
  if (delayMs <= 0) return "One after the other, as fast as the limits allow.";
  // Tenths of a second below a minute, whole seconds above: rounded first, so that no "60 s" is left over.
  const ms = delayMs < MINUTE_MS ? Math.round(delayMs / 100) * 100 : Math.round(delayMs / 1_000) * 1_000;
  for (const [unit, size] of [
    ["hour", UNIT_MS.hours],
    ["minute", MINUTE_MS],
  ] as const) {
    if (ms === size) return `One every ${unit}.`;
    if (ms > 0 && ms % size === 0) return `One every ${count(ms / size)} ${unit}s.`;
  }
  if (ms > MINUTE_MS)
    return `One every ${count(Math.floor(ms / MINUTE_MS))} min ${(ms % MINUTE_MS) / 1_000} s.`;
  if (ms === 1_000) return "One every second.";
  return ms > 0 ? `One every ${ms / 1_000} seconds.` : `One every ${delayMs} ms.`;
}
