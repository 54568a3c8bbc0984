/**
 * Times as a draft keeps them: what the clock said to whoever gave them, and where, "2030-01-31 09:00:00[Europe/Berlin]".
 * Nine in Berlin stays nine in Berlin for whoever opens the draft in New York, by whose clock it is shown as three.
 */

import { instantOf, localInput } from "@/time/days";
import { timezone } from "@/time/format";

const MOMENT = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\[([^\]]+)\])?$/;

export function isMoment(text: unknown): boolean {
  const [all, , , , , , , zone] = (typeof text === "string" && MOMENT.exec(text)) || [];
  return all !== undefined && isKnown(zone);
}

/** What the picker gave, by this person's clock. */
export const given = (picked: string, zone = timezone): string => `${picked}[${zone}]`;

/** Where it was given; those from before that was kept: here. */
export const zoneOf = (moment: string): string => MOMENT.exec(moment)?.[7] ?? timezone;

export function instant(moment: string): Date {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (MOMENT.exec(moment) ?? [])
    .slice(1, 7)
    .map(Number);
  return instantOf({ year, month, day, hour, minute, second }, zoneOf(moment));
}

/** As the picker has it, by this person's clock. */
export function picked(moment: string, zone = timezone): string {
  return `${localInput(instant(moment), zone).replace("T", " ")}:00`;
}

function isKnown(zone: string | undefined): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: zone }));
  } catch {
    return false; // of a browser that knows more of them
  }
}
