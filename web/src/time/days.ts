/** Between instants and what clock and calendar on a wall say; `zone` as in format.ts. */

import { timezone, type WallClock, wallClock } from "./format";

const DAY_MS = 86_400_000;

type Given = Pick<WallClock, "year" | "month" | "day"> & Partial<WallClock>;

/** As if it were UTC: days over the month's end and hours over the day's are those that follow. */
const asUtc = ({ year, month, day, hour = 0, minute = 0, second = 0 }: Given) =>
  Date.UTC(year, month - 1, day, hour, minute, second);

const offsetAt = (ms: number, zone: string) =>
  asUtc(wallClock(new Date(ms), zone)) - Math.floor(ms / 1000) * 1000;

/**
 * When a wall says so. Of a time that comes twice it is the first; one that is left out, as clocks are put forward, is as
 * far after the gap as it was to be after its beginning.
 */
export function instantOf(wall: Given, zone = timezone): Date {
  const utc = asUtc(wall);
  const before = offsetAt(utc - DAY_MS, zone);
  const after = offsetAt(utc + DAY_MS, zone);
  const offset = [before, after].find((each) => offsetAt(utc - each, zone) === each) ?? before;
  return new Date(utc - offset);
}

/** The midnights before and after; where there is none, the day's first moment. */
export function dayAround(now: Date, zone = timezone): { begin: Date; end: Date } {
  const { year, month, day } = wallClock(now, zone);
  return {
    begin: instantOf({ year, month, day }, zone),
    end: instantOf({ year, month, day: day + 1 }, zone),
  };
}

/** "2026-11-24T16:03", as `<input type="datetime-local">` has it. */
export function localInput(at: Date, zone = timezone): string {
  return new Date(asUtc(wallClock(at, zone))).toISOString().slice(0, 16);
}

/** When that is. */
export function instantOfInput(text: string, zone = timezone): Date {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = text.split(/\D/).map(Number);
  return instantOf({ year, month, day, hour, minute }, zone);
}
