/**
 * Times in words of the interface's language: all that is asked of Intl about them. `zone` is the IANA name of a
 * timezone; without it, it is the person's own.
 */

import { zoneName } from "./zoneNames";

const LOCALE = "en-GB";

export const timezone = zoneName(Intl.DateTimeFormat().resolvedOptions().timeZone);

/** One format for each zone that is asked for: they are dear to make. */
function formats(options: Intl.DateTimeFormatOptions): (zone: string) => Intl.DateTimeFormat {
  const made = new Map<string, Intl.DateTimeFormat>();
  return (zone) => {
    const format = made.get(zone) ?? new Intl.DateTimeFormat(LOCALE, { ...options, timeZone: zone });
    made.set(zone, format);
    return format;
  };
}

const TIME = { hour: "2-digit", minute: "2-digit" } as const;
const DAY = { day: "numeric", month: "short" } as const;

const short = formats({ ...DAY, ...TIME });
const shortWithYear = formats({ ...DAY, year: "numeric", ...TIME });
const full = formats({ dateStyle: "full", timeStyle: "long" });
const day = formats({ ...DAY, year: "numeric" });
const clock = formats(TIME);
const numbers = formats({
  ...{ year: "numeric", month: "numeric", day: "numeric", hourCycle: "h23" },
  ...{ hour: "numeric", minute: "numeric", second: "numeric" },
});
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });

/** A time by the clock and calendar on the wall; `month` from 1. */
export interface WallClock {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

export function wallClock(at: Date, zone = timezone): WallClock {
  const parts = numbers(zone).formatToParts(at);
  const value = (type: keyof WallClock) => Number(parts.find((part) => part.type === type)?.value);
  return {
    ...{ year: value("year"), month: value("month"), day: value("day") },
    ...{ hour: value("hour"), minute: value("minute"), second: value("second") },
  };
}

/** "24 Nov, 16:03", with the year where it is not this one. */
export function localTime(at: Date, now = new Date(), zone = timezone): string {
  const isThisYear = wallClock(at, zone).year === wallClock(now, zone).year;
  return (isThisYear ? short : shortWithYear)(zone).format(at);
}

/** "Tuesday, 24 November 2026 at 16:03:20 CET (Europe/Berlin)". */
export function absoluteTime(at: Date, zone = timezone): string {
  return `${full(zone).format(at)} (${zone})`;
}

/** "24 Nov 2026". */
export function dayName(at: Date, zone = timezone): string {
  return day(zone).format(at);
}

/** "16:03". */
export function clockTime(at: Date, zone = timezone): string {
  return clock(zone).format(at);
}

const STEPS: ReadonlyArray<[Intl.RelativeTimeFormatUnit, number]> = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** "in 3 hours", "2 days ago", "now". */
export function relativeTime(at: Date, now = new Date()): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.trunc(seconds / size), unit);
}

/** A span in its two largest units: "1 h 20 min", "45 s". */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const parts: Array<[number, string]> = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
}
