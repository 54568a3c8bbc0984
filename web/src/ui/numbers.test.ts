import { expect, test } from "vitest";
import { count, counted } from "./numbers";

test("numbers have separators", () => {
  expect(count(1234567)).toBe("1,234,567");
  expect([0, 1, 2000].map((value) => counted(value, "email"))).toEqual([
    "0 emails",
    "1 email",
    "2,000 emails",
  ]);
});
