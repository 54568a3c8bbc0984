import { describe, expect, it } from "vitest";
import { type Calendar, calendarWords, countries, isOpen, OFFICE_HOURS } from "./calendar";

const calendar = (part: Partial<Calendar>): Calendar => ({
  ...OFFICE_HOURS,
  timezone: "Asia/Kolkata",
  ...part,
});

describe("a calendar in words", () => {
  it("joins days that follow each other", () => {
    expect(calendarWords(calendar({}))).toBe("Mondays to Fridays, 9:00 to 17:00 Asia/Kolkata time");
    expect(calendarWords(calendar({ days: ["tue", "wed", "thu"], to: "16:00", timezone: "recipient" }))).toBe(
      "Tuesdays to Thursdays, 9:00 to 16:00 their time",
    );
    expect(calendarWords(calendar({ days: ["mon", "wed", "thu", "fri"] }))).toContain(
      "Mondays and Wednesdays to Fridays",
    );
    expect(calendarWords(calendar({ days: ["sat", "sun"] }))).toContain("Saturdays and Sundays");
    expect(calendarWords(calendar({ days: [] }))).toContain("On no day");
  });

  it("says nights, whole days and holidays", () => {
    expect(calendarWords({ ...OFFICE_HOURS, from: "22:00", to: "02:00" })).toContain(
      "22:00 to 2:00 the next morning your time",
    );
    expect(calendarWords(calendar({ from: "00:00", to: "00:00" }))).toContain("all day");
    expect(calendarWords(calendar({ holidays: "DE-BY" }))).toMatch(/, not on holidays in Germany$/);
  });
});

describe("an hour of a calendar", () => {
  const on = (day: number, hour: number) => ({ year: 2030, month: 1, day, hour }); // 1 January 2030 is a Tuesday

  it("is open when any of it is", () => {
    const half = calendar({ from: "09:30", to: "16:15" });
    expect([8, 9, 10, 16, 17].map((hour) => isOpen(half, on(1, hour)))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
    expect(isOpen(half, on(5, 10))).toBe(false);
  });

  it("past midnight belongs to the day on which the night began", () => {
    const night = calendar({ days: ["fri"], from: "22:00", to: "02:00" });
    expect([on(4, 1), on(4, 22), on(5, 1), on(5, 2)].map((at) => isOpen(night, at))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

it("knows the countries by name", () => {
  expect(countries()).toContainEqual({ value: "DE", label: "Germany" });
  expect(countries().length).toBeGreaterThan(200);
});
