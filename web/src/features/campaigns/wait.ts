/** How long a later step waits, in words. */

import { count } from "@/ui/numbers";

/** "3 business days", "1 hour 30 minutes", of the days and time of an ISO 8601 duration. */
export function waitWords(wait: string, businessDays: boolean): string {
  const [, days = 0, hours = 0, minutes = 0, rest = 0] =
    /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(wait) ?? [];
  const seconds = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest);
  const parts = [
    many(Number(days), businessDays ? "business day" : "day"),
    many(Math.floor(seconds / 3600), "hour"),
    many(Math.floor((seconds % 3600) / 60), "minute"),
    many(seconds % 60, "second"),
  ].filter(Boolean);
  return parts.join(" ") || wait;
}

const many = (n: number, what: string) => (n > 0 ? `${count(n)} ${what}${n === 1 ? "" : "s"}` : "");
