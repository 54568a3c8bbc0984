import { expect, it } from "vitest";
import { waitWords } from "./wait";

it("is said as a person would", () => {
  expect(waitWords("P1D", true)).toBe("1 business day");
  expect(waitWords("P1DT7200S", false)).toBe("1 day 2 hours");
  expect(waitWords("PT90M", false)).toBe("1 hour 30 minutes");
  expect(waitWords("PT90S", false)).toBe("1 minute 30 seconds");
});
