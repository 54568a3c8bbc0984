import { expect, it } from "vitest";
import { attemptAt } from "./attempt";

it("keeps the key of an attempt for as long as the same is asked for", () => {
  const first = attemptAt("a", null);
  expect(attemptAt("a", first)).toBe(first);
  expect(attemptAt("b", first).key).not.toBe(first.key);
});
