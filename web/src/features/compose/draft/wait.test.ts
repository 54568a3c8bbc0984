import { expect, it } from "vitest";
import { durationOf } from "./wait";

it("is what the API takes, whatever is being typed", () => {
  expect(durationOf({ n: 3, unit: "business days" })).toEqual({ wait: "P3D", businessDays: true });
  expect(durationOf({ n: "90", unit: "minutes" })).toEqual({ wait: "PT90M", businessDays: false });
  expect(durationOf({ n: "", unit: "hours" })).toEqual({ wait: "PT1H", businessDays: false });
});
