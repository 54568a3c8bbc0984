/** What the plan says, in bars. */

import { localTime } from "@/time/format";
import type { Plan } from "../queries";

const MOST_BARS = 72;
const HOUR_MS = 3_600_000;

export interface Bar {
  label: string;
  emails: number;
}

/** A bar for each hour, gaps included, or for each day where hours would be too many. */
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
  const byDay = new Map<string, number>();
  const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
  for (const { at, count } of starts) {
    const day = days.format(at);
    byDay.set(day, (byDay.get(day) ?? 0) + count);
  }
  return { unit: "day", bars: [...byDay].map(([label, emails]) => ({ label, emails })) };
}
