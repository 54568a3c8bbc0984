/** A sender's windows (clock hours of UTC) over the person's own day. */

import { dayAround } from "@/time/days";

export interface Slot {
  start: Date;
  used: number;
}

interface Window {
  senderId: number;
  windowStart: string;
  used: number;
}

const HOUR_MS = 3_600_000;

/** Every window that touches the day of `now`: 24, or one more or less where clocks are set or the offset is no whole hour. */
export function dayOf(senderId: number, windows: readonly Window[], now: Date): Slot[] {
  const used = new Map(
    windows
      .filter((window) => window.senderId === senderId)
      .map((window) => [Date.parse(window.windowStart), window.used]),
  );
  const { begin, end } = dayAround(now);
  const slots: Slot[] = [];
  for (let at = Math.floor(begin.getTime() / HOUR_MS) * HOUR_MS; at < end.getTime(); at += HOUR_MS) {
    slots.push({ start: new Date(at), used: used.get(at) ?? 0 });
  }
  return slots;
}
