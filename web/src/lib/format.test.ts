import { expect, test } from "vitest";
import { count, counted, duration, localTime, relativeTime } from "./format";
import { ownPath } from "./paths";

const NOW = new Date(2026, 10, 24, 16, 0);
const after = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

test("numbers have separators", () => {
  expect(count(1234567)).toBe("1,234,567");
  expect([0, 1, 2000].map((value) => counted(value, "email"))).toEqual([
    "0 emails",
    "1 email",
    "2,000 emails",
  ]);
});

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

test("a login leads to pages of our own alone", () => {
  expect(ownPath("/sent?q=x#y")).toBe("/sent?q=x#y");
  for (const foreign of ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "", 7]) {
    expect(ownPath(foreign)).toBeUndefined();
  }
});
