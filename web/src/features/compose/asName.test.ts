import { expect, it } from "vitest";
import { asName } from "./asName";

it("cuts no character in two, and as many as the API does", () => {
  const party = "🎉".repeat(201);
  expect(asName(`${"x".repeat(199)}${party}`)).toBe(`${"x".repeat(199)}🎉`);
  expect(asName(party)).toBe("🎉".repeat(200));
  expect(asName("News")).toBe("News");
});
