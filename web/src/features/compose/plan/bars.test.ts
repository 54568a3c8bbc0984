import { expect, it } from "vitest";
import { bars, stepDays } from "./bars";

it("has a bar for each hour, empty ones too, and for days when those are many", () => {
  const hour = (n: number, count = 5) => ({
    start: new Date(Date.UTC(2030, 0, 1, n)).toISOString(),
    count,
  });
  expect(bars([hour(0), hour(2)]).bars.map((bar) => bar.emails)).toEqual([5, 0, 5]);
  const many = bars(Array.from({ length: 24 * 5 }, (_, n) => hour(n)));
  expect(many.unit).toBe("day");
  expect(many.bars.reduce((sum, bar) => sum + bar.emails, 0)).toBe(24 * 5 * 5);
});

it("has a bar of all steps for each day, empty ones too, and for weeks when those are many", () => {
  const day = (n: number, ...steps: number[]) => ({
    day: new Date(Date.UTC(2030, 0, 1 + n)).toISOString().slice(0, 10),
    count: steps.reduce((sum, emails) => sum + emails, 0),
    steps,
  });
  expect(stepDays([day(0, 40, 0), day(3, 5, 40)])).toEqual({
    unit: "day",
    bars: [
      { day: "2030-01-01", steps: [40, 0] },
      { day: "2030-01-02", steps: [0, 0] },
      { day: "2030-01-03", steps: [0, 0] },
      { day: "2030-01-04", steps: [5, 40] },
    ],
  });
  const many = stepDays(Array.from({ length: 100 }, (_, n) => day(n, 1, 2)));
  expect(many.unit).toBe("week");
  expect(many.bars[0]).toEqual({ day: "2030-01-01", steps: [7, 14] });
  expect(many.bars).toHaveLength(15);
});
