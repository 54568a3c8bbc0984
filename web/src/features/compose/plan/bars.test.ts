import { expect, it } from "vitest";
import { bars } from "./bars";

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
