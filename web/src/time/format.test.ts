import { expect, test } from "vitest";
import { absoluteTime, clockTime, dayName, duration, localTime, relativeTime } from "./format";

const NOW = new Date(2026, 10, 24, 16, 0);
const after = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

test("spans of time are in their two largest units", () => {
  expect([0, 45_000, 4_800_000, 90_000_000, 86_400_000].map(duration)).toEqual([
    "0 s",
    "45 s",
    "1 h 20 min",
    "1 d 1 h",
    "1 d",
  ]);
});

test("relative times look both ways", () => {
  expect(relativeTime(after(0), NOW)).toBe("now");
  expect(relativeTime(after(3 * 3600 + 5), NOW)).toBe("in 3 hours");
  expect(relativeTime(after(-86_400), NOW)).toBe("yesterday");
  expect(relativeTime(after(-59), NOW)).toBe("59 seconds ago");
});

test("a year is said where it is not this one", () => {
  expect(localTime(NOW, NOW)).toBe("24 Nov, 16:00");
  expect(localTime(new Date(2025, 0, 2, 9, 5), NOW)).toBe("2 Jan 2025, 09:05");
});

test("times are said in the zone that is asked for", () => {
  const at = new Date("2026-12-31T20:30:00Z");
  expect(localTime(at, at, "Asia/Kolkata")).toBe("1 Jan, 02:00");
  expect(localTime(at, new Date("2026-12-31T12:00:00Z"), "Asia/Kolkata")).toBe("1 Jan 2027, 02:00");
  expect(absoluteTime(at, "America/New_York")).toMatch(
    /^Thursday.*31 December 2026.*15:30:00.*\(America\/New_York\)$/,
  );
  expect([clockTime(at, "Europe/Berlin"), dayName(at, "Asia/Kolkata")]).toEqual(["21:30", "1 Jan 2027"]);
});
