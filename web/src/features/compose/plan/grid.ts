/** What the plan says, by day and hour. */

import { type Calendar, isOpen } from "@/features/campaigns/calendar";
import { dayAround } from "@/time/days";
import { dayName, wallClock } from "@/time/format";

export interface Cell {
  /** The hour on the wall, 0 to 23. */
  hour: number;
  emails: number;
  open: boolean;
  label: string;
}

export interface GridDay {
  label: string;
  emails: number;
  cells: Cell[];
}

interface Hour {
  start: string;
  count: number;
}

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/**
 * The days of `zone` from the first to the last with an email, at most `most`; each with its 24 hours as a wall has them:
 * of an hour that comes twice, both emails are in the one cell.
 */
export function grid(
  hourly: readonly Hour[],
  zone: string,
  calendar: Calendar | null,
  most: number,
): GridDay[] {
  const first = hourly[0];
  const last = hourly.at(-1);
  if (!first || !last) return [];
  const counts = new Map<string, number>();
  const key = ({ month, day, hour }: { month: number; day: number; hour: number }) =>
    `${month}-${day}-${hour}`;
  for (const { start, count } of hourly) {
    const at = key(wallClock(new Date(start), zone));
    counts.set(at, (counts.get(at) ?? 0) + count);
  }
  const days: GridDay[] = [];
  const end = Date.parse(last.start);
  let { begin, end: next } = dayAround(new Date(first.start), zone);
  while (begin.getTime() <= end && days.length < most) {
    const { year, month, day } = wallClock(begin, zone);
    const label = dayName(begin, zone);
    const cells = HOURS.map((hour) => ({
      hour,
      emails: counts.get(key({ month, day, hour })) ?? 0,
      open: calendar === null || isOpen(calendar, { year, month, day, hour }),
      label: `${label}, ${`${hour}`.padStart(2, "0")}:00`,
    }));
    days.push({ label, emails: cells.reduce((sum, { emails }) => sum + emails, 0), cells });
    ({ begin, end: next } = dayAround(next, zone));
  }
  return days;
}
