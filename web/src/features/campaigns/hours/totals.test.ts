import { expect, test } from "vitest";
import { lateness, lines, totals } from "./totals";

const hour = (n: number, planned: number, sent: number) => ({
  ...{ start: new Date(Date.UTC(2026, 10, 24, n)).toISOString(), planned, sent },
});
const at = (n: number, minute = 0) => new Date(Date.UTC(2026, 10, 24, n, minute));

test("totals grow, and what lies ahead has nothing that was sent", () => {
  const found = totals({ by: "hour", points: [hour(8, 4, 3), hour(9, 2, 0), hour(10, 2, 0)] }, at(9, 30));
  expect(found).toEqual({
    ...{ begin: at(8), planned: 8, sent: 3 },
    totals: [
      { end: at(9), planned: 4, sent: 3 },
      { end: at(10), planned: 6, sent: 3 },
      { end: at(11), planned: 8, sent: null },
    ],
  });
});

test("both lines begin with nothing, and that of what was sent ends now", () => {
  const now = at(9, 30);
  const found = totals({ by: "hour", points: [hour(8, 4, 2), hour(9, 4, 2)] }, now);
  if (!found) throw new Error("no totals");
  expect(lines(found, now)).toEqual({
    top: 8,
    planned: [
      { x: 0, y: 0 },
      { x: 0.5, y: 0.5 },
      { x: 1, y: 1 },
    ],
    sent: [
      { x: 0, y: 0 },
      { x: 0.5, y: 0.25 },
      { x: 0.75, y: 0.5 },
    ],
  });
});

test("an hour under way whose emails have all gone is done", () => {
  const now = at(8, 15);
  const found = totals({ by: "hour", points: [hour(8, 4, 4)] }, now);
  expect(found && lines(found, now).sent.at(-1)).toEqual({ x: 1, y: 1 });
});

test("more sent than planned stays within the chart", () => {
  const found = totals({ by: "hour", points: [hour(8, 2, 4)] }, at(12));
  expect(found && lines(found, at(12)).top).toBe(4);
});

test("very many days are put together, none is left out", () => {
  const points = Array.from({ length: 1_001 }, (_, day) => hour(24 * day, 1, day < 10 ? 1 : 0));
  const found = totals({ by: "day", points }, at(24 * 9));
  expect(found?.totals).toHaveLength(167);
  expect(found?.totals.at(-1)).toEqual({ end: at(24 * 1_001), planned: 1_001, sent: null });
  expect(found?.totals[1]).toMatchObject({ planned: 12, sent: 10 });
});

test("nothing planned has no chart", () => {
  expect(totals({ by: "hour", points: [] }, at(0))).toBeNull();
});

test("deviations in words", () => {
  expect([null, 4, -999, 1_000, 125_000, -90_000_000].map(lateness)).toEqual([
    ...["none yet", "on time", "on time", "1 s late", "2 min 5 s late", "1 d 1 h early"],
  ]);
});
