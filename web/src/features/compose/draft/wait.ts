/** How long a later step waits. */

import type { Wait, WaitUnit } from "./draft";

export const WAIT_UNITS: readonly WaitUnit[] = ["minutes", "hours", "days", "business days"];

/** As the API takes it. */
export function durationOf({ n, unit }: Wait): { wait: string; businessDays: boolean } {
  const whole = Math.max(1, Math.round(Number(n) || 0));
  const wait = {
    minutes: `PT${whole}M`,
    hours: `PT${whole}H`,
    days: `P${whole}D`,
    "business days": `P${whole}D`,
  };
  return { wait: wait[unit], businessDays: unit === "business days" };
}
