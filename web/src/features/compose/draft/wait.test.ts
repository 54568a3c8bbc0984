import { expect, it } from "vitest";
import { durationOf, waitWords } from "./wait";

it("is what the API takes, whatever is being typed", () => {
  expect(durationOf({ n: 3, unit: "business days" })).toEqual({ wait: "P3D", businessDays: true });
  expect(durationOf({ n: "90", unit: "minutes" })).toEqual({ wait: "PT90M", businessDays: false });
  expect(durationOf({ n: "", unit: "hours" })).toEqual({ wait: "PT1H", businessDays: false });
});

it("is said as a person would", () => {
  expect(waitWords("P1D", true)).toBe("1 business day");
  expect(waitWords("P1DT7200S", false)).toBe("1 day 2 hours");
  expect(waitWords("PT90S", false)).toBe("1 minute 30 seconds");
});
