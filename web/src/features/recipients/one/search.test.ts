import { expect, test } from "vitest";
import { isWhole, recipientPlace } from "./search";

test("an address of the page is a recipient's, whatever stands there", () => {
  expect(recipientPlace({ email: " ada@example.com " })).toEqual({ email: "ada@example.com" });
  expect(recipientPlace({ email: 7 })).toEqual({ email: "7" });
  expect(recipientPlace({ email: ["a"] })).toEqual({ email: undefined });
});

test("a part of an address is looked for, and a whole one is a recipient", () => {
  for (const whole of ["ada@example.com", "jörg@müller.de"]) expect(isWhole(whole)).toBe(true);
  for (const part of ["ada", "@example.com", "ada@", "ada@example", "a b@example.com"])
    expect(isWhole(part)).toBe(false);
});
