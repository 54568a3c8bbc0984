/** The plan in bars. */

import { dayAround } from "@/time/days";
import { dayName, localTime } from "@/time/format";
import type { Plan } from "../queries";

const MOST_BARS = 72;
const HOUR_MS = 3_600_000;

export interface Bar {
  label: string;
  emails: number;
}

/** A bar for each hour, gaps included, or for each day, gaps included, where hours would be too many. */
export function bars(hourly: Plan["hourly"]): { unit: "hour" | "day"; bars: Bar[] } {
  const starts = hourly.map(({ start, count }) => ({ at: new Date(start), count }));
  const first = starts[0]?.at.getTime() ?? 0;
  const last = starts.at(-1)?.at.getTime() ?? 0;
  if ((last - first) / HOUR_MS < MOST_BARS) {
    const byHour = new Map(starts.map(({ at, count }) => [at.getTime(), count]));
    const made: Bar[] = [];
    for (let at = first; at <= last; at += HOUR_MS) {
      made.push({ label: localTime(new Date(at)), emails: byHour.get(at) ?? 0 });
    }
    return { unit: "hour", bars: made };
  }
  const byDay = new Map<number, number>();
  for (let day = dayAround(new Date(first)); day.begin.getTime() <= last; day = dayAround(day.end)) {
    byDay.set(day.begin.getTime(), 0);
  }
  for (const { at, count } of starts) {
    const day = dayAround(at).begin.getTime();
    byDay.set(day, (byDay.get(day) ?? 0) + count);
  }
  return {
    unit: "day",
    bars: [...byDay].map(([day, emails]) => ({ label: dayName(new Date(day)), emails })),
  };
}

export interface StepDay {
  /** As "2026-03-02"; of a week, its first. */
  day: string;
  /** Of each step, how many emails. */
  steps: number[];
}

const DAY_MS = 24 * HOUR_MS;

/** A bar for each day of the first to the last, or for each week where days would be too many; gaps included. */
export function stepDays(days: Plan["days"]): { unit: "day" | "week"; bars: StepDay[] } {
  const first = Date.parse(days[0]?.day ?? "");
  const last = Date.parse(days.at(-1)?.day ?? "");
  const size = (last - first) / DAY_MS < MOST_BARS ? DAY_MS : 7 * DAY_MS;
  const nothing = (days[0]?.steps ?? []).map(() => 0);
  const bars: StepDay[] = [];
  for (let at = first; at <= last; at += size) {
    bars.push({ day: new Date(at).toISOString().slice(0, 10), steps: [...nothing] });
  }
  for (const { day, steps = [] } of days) {
    const bar = bars[Math.floor((Date.parse(day) - first) / size)];
    if (bar) bar.steps = bar.steps.map((emails, step) => emails + (steps[step] ?? 0));
  }
  return { unit: size === DAY_MS ? "day" : "week", bars };
}
