/** Totals of emails first planned against emails sent. */

import { duration } from "@/time/format";
import type { Forecast } from "../queries";

const STEP_MS = { hour: 3_600_000, day: 86_400_000 } as const;
/** More places side by side than this cannot be told apart. */
const MOST = 200;

interface Total {
  /** When it ends; the totals are of all till then. */
  end: Date;
  planned: number;
  /** Null: all of it lies ahead. */
  sent: number | null;
}

export interface Totals {
  begin: Date;
  totals: Total[];
  planned: number;
  sent: number;
}

/** Null where nothing was planned. The last total of what was sent is of now, where the rest lies ahead. */
export function totals({ by, points }: Pick<Forecast, "by" | "points">, now: Date): Totals | null {
  const first = points[0];
  if (!first) return null;
  const group = Math.ceil(points.length / MOST);
  const found: Totals = { begin: new Date(first.start), totals: [], planned: 0, sent: 0 };
  for (const [i, { start, planned, sent }] of points.entries()) {
    found.planned += planned;
    found.sent += sent;
    if ((i + 1) % group !== 0 && i + 1 < points.length) continue;
    const begun = new Date(points[i - (i % group)]?.start ?? start) <= now;
    const end = new Date(new Date(start).getTime() + STEP_MS[by]);
    found.totals.push({ end, planned: found.planned, sent: begun ? found.sent : null });
  }
  return found;
}

/**
 * Both as lines from (0, 0) to where they are, within 0 to 1. The line of sent emails ends at `now`, or with the hour
 * or day under way if all that were to go till then have gone: nobody knows better when in it that was planned.
 */
export function lines({ begin, totals, planned, sent }: Totals, now: Date) {
  const top = Math.max(planned, sent, 1);
  const last = totals.at(-1)?.end ?? begin;
  const x = (at: Date) => (at.getTime() - begin.getTime()) / (last.getTime() - begin.getTime());
  const origin = { x: 0, y: 0 };
  return {
    top,
    planned: [origin, ...totals.map(({ end, planned }) => ({ x: x(end), y: planned / top }))],
    sent: [
      origin,
      ...totals.flatMap(({ end, planned, sent }) =>
        sent === null ? [] : [{ x: x(end < now || sent >= planned ? end : now), y: sent / top }],
      ),
    ],
  };
}

/** "2 min late", "40 s early", "on time"; "none yet": nothing was sent. */
export function lateness(ms: number | null): string {
  if (ms === null) return "none yet";
  if (Math.abs(ms) < 1_000) return "on time";
  return `${duration(Math.abs(ms))} ${ms > 0 ? "late" : "early"}`;
}
