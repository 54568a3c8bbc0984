import { describe, expect, it } from "vitest";
import { dayOf } from "./dayOf";

describe("dayOf", () => {
  const now = new Date(2026, 5, 10, 14, 30);
  const window = (senderId: number, hour: number, used: number) => ({
    senderId,
    windowStart: new Date(2026, 5, 10, hour).toISOString(),
    used,
  });

  it("has a place for every hour of the day, with what was used in it", () => {
    const day = dayOf(1, [window(1, 9, 40), window(1, 14, 2), window(2, 9, 5)], now);
    expect(day.map((slot) => slot.used)).toEqual(
      Array.from({ length: 24 }, (_, hour) => ({ 9: 40, 14: 2 })[hour] ?? 0),
    );
    expect(day[0]?.start).toEqual(new Date(2026, 5, 10));
  });

  it("leaves yesterday out", () => {
    expect(dayOf(1, [window(1, -1, 7)], now).every((slot) => slot.used === 0)).toBe(true);
  });
});
