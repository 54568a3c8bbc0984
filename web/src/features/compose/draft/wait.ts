/** How long a later step waits: as the API has it, and in words. */

import { count } from "@/ui/numbers";
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

/** "3 business days", "1 hour", of what the API answers (days, and the rest in seconds). */
export function waitWords(wait: string, businessDays: boolean): string {
  const [, days = "0", seconds = "0"] = /^P(?:(\d+)D)?(?:T(\d+)S)?$/.exec(wait) ?? [];
  const parts = [
    many(Number(days), businessDays ? "business day" : "day"),
    many(Math.floor(Number(seconds) / 3600), "hour"),
    many(Math.floor((Number(seconds) % 3600) / 60), "minute"),
    many(Number(seconds) % 60, "second"),
  ].filter(Boolean);
  return parts.join(" ") || wait;
}

const many = (n: number, what: string) => (n > 0 ? `${count(n)} ${what}${n === 1 ? "" : "s"}` : "");
