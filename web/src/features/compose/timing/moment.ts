/**
 * Times as a draft keeps them: the clock of the person who gave them, and its zone, "2030-01-31 09:00:00[Europe/Berlin]".
 * Nine in Berlin stays nine in Berlin for a colleague who opens the draft in New York, and sees it as three.
 */

import { instantOf, localInput } from "@/time/days";
import { timezone } from "@/time/format";

const MOMENT = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\[([^\]]+)\])?$/;

export function isMoment(text: unknown): boolean {
  const [all, , , , , , , zone] = (typeof text === "string" && MOMENT.exec(text)) || [];
  return all !== undefined && isKnown(zone);
}

/** A time that the picker gave, by this person's clock. */
export const given = (picked: string, zone = timezone): string => `${picked}[${zone}]`;

/** The zone that it was given in; of a time from before zones were kept: this person's. */
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
