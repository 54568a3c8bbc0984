/** Hours side by side for a chart, those without anything among them. */

import type { components } from "@/api/schema";

type Hour = components["schemas"]["Hour"];

const HOUR_MS = 3_600_000;

export interface Column {
  start: Date;
  accepted: number;
  rejected: number;
  deferred: number;
  unknown: number;
}

/** The last `n` hours of the clock, oldest first, the current one last. */
export function columns(hours: readonly Hour[], n: number, now: Date): Column[] {
  const current = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS;
  return Array.from({ length: n }, (_, i) => {
    const start = new Date(current - (n - 1 - i) * HOUR_MS);
    const column = { start, accepted: 0, rejected: 0, deferred: 0, unknown: 0 };
    for (const hour of hours) {
      if (new Date(hour.windowStart).getTime() !== start.getTime()) continue;
      column.accepted += hour.accepted;
      column.rejected += hour.rejected;
      column.deferred += hour.deferred;
      column.unknown += hour.unknown;
    }
    return column;
  });
}

export const height = (column: Column) =>
  column.accepted + column.rejected + column.deferred + column.unknown;
