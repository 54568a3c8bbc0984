/** On which days and hours a campaign sends: as the API has it, and in words. */

import { VALUES } from "@/api/constants";
import type { components } from "@/api/schema";
import { timezone, type WallClock } from "@/time/format";

export type Calendar = components["schemas"]["CampaignCalendar"];
export type Day = Calendar["days"][number];

/** In place of a zone: that of each recipient. */
export const RECIPIENT = "recipient";
export const DAYS: readonly Day[] = VALUES.CampaignCalendar.days;

export const DAY_NAMES: Readonly<Record<Day, { short: string; many: string }>> = {
  mon: { short: "Mon", many: "Mondays" },
  tue: { short: "Tue", many: "Tuesdays" },
  wed: { short: "Wed", many: "Wednesdays" },
  thu: { short: "Thu", many: "Thursdays" },
  fri: { short: "Fri", many: "Fridays" },
  sat: { short: "Sat", many: "Saturdays" },
  sun: { short: "Sun", many: "Sundays" },
};

/** The calendar to begin with: office hours by the person's own clock. */
export const OFFICE_HOURS: Calendar = {
  timezone,
  fallbackTimezone: null,
  days: ["mon", "tue", "wed", "thu", "fri"],
  from: "09:00",
  to: "17:00",
  holidays: null,
};

const regions = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** All countries that the browser has a name for, by name. */
export function countries(): Array<{ value: string; label: string }> {
  const found: Array<{ value: string; label: string }> = [];
  for (const first of LETTERS) {
    for (const second of LETTERS) {
      const label = regions.of(first + second);
      if (label) found.push({ value: first + second, label });
    }
  }
  return found.sort((one, other) => one.label.localeCompare(other.label));
}

/** "Tuesdays to Thursdays, 9:00 to 16:00 their time". */
export function calendarWords(calendar: Calendar): string {
  const { from, to, holidays } = calendar;
  const hours = from === to ? "all day" : `${clock(from)} to ${clock(to)}`;
  const zone =
    calendar.timezone === RECIPIENT
      ? "their time"
      : calendar.timezone === timezone
        ? "your time"
        : `${calendar.timezone.replaceAll("_", " ")} time`;
  const free = holidays ? `, not on holidays in ${regions.of(holidays.slice(0, 2)) ?? holidays}` : "";
  return `${daysWords(calendar.days)}, ${hours}${to < from ? " the next morning" : ""} ${zone}${free}`;
}

/** "Mondays to Fridays", "Mondays and Wednesdays to Fridays", "Every day". */
function daysWords(days: readonly Day[]): string {
  if (days.length === DAYS.length) return "Every day";
  const runs: Day[][] = [];
  for (const day of DAYS.filter((each) => days.includes(each))) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run && last && DAYS.indexOf(last) + 1 === DAYS.indexOf(day)) run.push(day);
    else runs.push([day]);
  }
  const words = runs.flatMap((run) => {
    const [first, last] = [run[0], run.at(-1)].map((day) => (day ? DAY_NAMES[day].many : ""));
    return run.length > 2 ? [`${first} to ${last}`] : run.map((day) => DAY_NAMES[day].many);
  });
  const [last, ...before] = words.toReversed();
  return before.length > 0 ? `${before.toReversed().join(", ")} and ${last}` : (last ?? "On no day");
}

const clock = (text: string) => text.replace(/^0/, "");

/** Whether a clock on the wall that shows the beginning of this hour is within it, holidays aside. */
export function isOpen(
  { days, from, to }: Calendar,
  wall: Pick<WallClock, "year" | "month" | "day" | "hour">,
) {
  const weekday = (new Date(Date.UTC(wall.year, wall.month - 1, wall.day)).getUTCDay() + 6) % DAYS.length;
  const has = (n: number) => days.includes(DAYS[(n + DAYS.length) % DAYS.length] ?? "mon");
  const [begin, end] = [wall.hour * 60, (wall.hour + 1) * 60];
  const [opens, closes] = [minutes(from), minutes(to)];
  if (closes > opens) return has(weekday) && begin < closes && end > opens;
  return (has(weekday) && end > opens) || (has(weekday - 1) && begin < closes);
}

function minutes(text: string): number {
  const [hours = 0, rest = 0] = text.split(":").map(Number);
  return hours * 60 + rest;
}
