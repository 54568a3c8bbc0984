import { describe, expect, test } from "vitest";
import { dayAround, instantOf, instantOfInput, localInput } from "./days";

const iso = (at: Date) => at.toISOString().replace(".000Z", "Z");

test("a day lasts from midnight to midnight where the person is", () => {
  const { begin, end } = dayAround(new Date(2026, 11, 31, 15, 30));
  expect([begin.getDate(), begin.getHours()]).toEqual([31, 0]);
  expect([end.getFullYear(), end.getMonth(), end.getDate(), end.getHours()]).toEqual([2027, 0, 1, 0]);
});

describe("days of other zones", () => {
  test.each([
    ["Asia/Kolkata", "2026-06-10T20:00:00Z", "2026-06-10T18:30:00Z", "2026-06-11T18:30:00Z"],
    ["Pacific/Kiritimati", "2026-06-10T12:00:00Z", "2026-06-10T10:00:00Z", "2026-06-11T10:00:00Z"],
    // 25 hours, and 23.
    ["Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"],
    ["America/New_York", "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"],
    // Clocks are put forward at midnight: the day begins at one.
    ["Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"],
  ])("%s", (zone, now, begin, end) => {
    const day = dayAround(new Date(now), zone);
    expect([iso(day.begin), iso(day.end)]).toEqual([begin, end]);
  });
});

test("of an hour that comes twice it is the first, one that is left out is as far after the gap", () => {
  const night = { hour: 2, minute: 30 };
  expect(iso(instantOf({ year: 2026, month: 10, day: 25, ...night }, "Europe/Berlin"))).toBe(
    "2026-10-25T00:30:00Z",
  );
  expect(iso(instantOf({ year: 2026, month: 3, day: 29, ...night }, "Europe/Berlin"))).toBe(
    "2026-03-29T01:30:00Z",
  );
});

test("an input's value is the wall's, and back", () => {
  const at = new Date("2026-11-24T15:03:20Z");
  expect(localInput(at, "Asia/Kathmandu")).toBe("2026-11-24T20:48");
  expect(iso(instantOfInput("2026-11-24T20:48", "Asia/Kathmandu"))).toBe("2026-11-24T15:03:00Z");
});
