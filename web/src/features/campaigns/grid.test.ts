import { expect, it } from "vitest";
import { OFFICE_HOURS } from "./calendar";
import { grid } from "./grid";

const at = (iso: string, count: number) => ({ start: `${iso}:00Z`, count });

it("puts hours where the zone's clock has them, days without any among them", () => {
  const days = grid([at("2030-01-04T22:30", 3), at("2030-01-06T03:30", 4)], "Asia/Kolkata", null, 10);
  expect(days.map(({ emails }) => emails)).toEqual([3, 4]);
  expect(days.map(({ cells }) => cells.findIndex(({ emails }) => emails > 0))).toEqual([4, 9]);
  expect(grid([], "UTC", null, 10)).toEqual([]);
});

it("shows the calendar's shape, and no more days than asked for", () => {
  const days = grid([at("2030-01-04T10:00", 1), at("2030-02-04T10:00", 1)], "UTC", OFFICE_HOURS, 3);
  expect(days.map(({ cells }) => cells.filter(({ open }) => open).length)).toEqual([8, 0, 0]);
  expect(days[0]?.cells[10]).toMatchObject({ emails: 1, open: true });
});

it("has all days of the time that was asked for, whatever goes on them, and the last as far as it reaches", () => {
  const week = { begin: new Date("2030-01-04T00:00:00Z"), end: new Date("2030-01-11T09:30:00Z") };
  const hours = [at("2030-01-05T10:00", 2), at("2030-01-11T09:00", 3)];
  const days = grid(hours, "UTC", null, 8, week);
  expect(days.map(({ emails }) => emails)).toEqual([0, 2, 0, 0, 0, 0, 0, 3]);
  expect(days.map(({ cells }) => cells.length)).toEqual([24, 24, 24, 24, 24, 24, 24, 10]);
  const whole = grid(hours, "UTC", null, 8, { ...week, end: new Date("2030-01-11T00:00:00Z") });
  expect(whole.at(-1)?.emails).toBe(3); // what is there is shown, whatever clock was right
  expect(grid([], "UTC", null, 8, { ...week, end: new Date("2030-01-11T00:00:00Z") })).toHaveLength(7);
});

it("keeps both emails of an hour that comes twice", () => {
  const twice = [at("2030-10-27T00:00", 1), at("2030-10-27T01:00", 2)];
  const [day] = grid(twice, "Europe/Berlin", null, 1);
  expect(day?.cells[2]?.emails).toBe(3);
});
