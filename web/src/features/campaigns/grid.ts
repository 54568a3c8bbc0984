/** Emails by day and hour. */

import { dayAround, instantOf } from "@/time/days";
import { dayName, wallClock } from "@/time/format";
import { type Calendar, isOpen } from "./calendar";

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
 * The days of `zone` from the first to the last with an email, at most `most`; where `asked` is given, those of that time,
 * the last as far as it reaches. Each has its 24 hours as a wall has them: of an hour that comes twice, the emails of both
 * are in the one cell.
 */
export function grid(
  hourly: readonly Hour[],
  zone: string,
  calendar: Calendar | null,
  most: number,
  asked?: { begin: Date; end: Date },
): GridDay[] {
  const first = asked?.begin ?? (hourly[0] && new Date(hourly[0].start));
  const last = hourly.at(-1);
  if (!first) return [];
  const counts = new Map<string, number>();
  const key = ({ month, day, hour }: { month: number; day: number; hour: number }) =>
    `${month}-${day}-${hour}`;
  for (const { start, count } of hourly) {
    const at = key(wallClock(new Date(start), zone));
    counts.set(at, (counts.get(at) ?? 0) + count);
  }
  const days: GridDay[] = [];
  const end = Math.max(asked ? asked.end.getTime() - 1 : 0, last ? Date.parse(last.start) : 0);
  for (
    let at = dayAround(first, zone);
    at.begin.getTime() <= end && days.length < most;
    at = dayAround(at.end, zone)
  ) {
    const { year, month, day } = wallClock(at.begin, zone);
    const label = dayName(at.begin, zone);
    const isPart = asked !== undefined && at.end.getTime() > end;
    const hours = isPart
      ? HOURS.filter((hour) => instantOf({ year, month, day, hour }, zone).getTime() <= end)
      : HOURS;
    const cells = hours.map((hour) => ({
      hour,
      emails: counts.get(key({ month, day, hour })) ?? 0,
      open: calendar === null || isOpen(calendar, { year, month, day, hour }),
      label: `${label}, ${`${hour}`.padStart(2, "0")}:00`,
    }));
    days.push({ label, emails: cells.reduce((sum, { emails }) => sum + emails, 0), cells });
  }
  return days;
}
