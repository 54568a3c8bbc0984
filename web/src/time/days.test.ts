import { expect, test } from "vitest";
import { dayAround } from "./days";

test("a day lasts from midnight to midnight where the person is", () => {
  const { begin, end } = dayAround(new Date(2026, 11, 31, 15, 30));
  expect([begin.getDate(), begin.getHours()]).toEqual([31, 0]);
  expect([end.getFullYear(), end.getMonth(), end.getDate(), end.getHours()]).toEqual([2027, 0, 1, 0]);
});
