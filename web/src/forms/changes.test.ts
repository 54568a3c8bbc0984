import { expect, test } from "vitest";
import { changesOf } from "./changes";

test("what is as it was is not sent along", () => {
  const before = { url: "https://a.example", description: null as string | null, events: ["x", "y"] };
  expect(changesOf(before, { ...before, events: ["x", "y"] })).toEqual({});
  expect(changesOf(before, { ...before, description: "mine" })).toEqual({ description: "mine" });
  expect(changesOf(before, { ...before, events: ["y"] })).toEqual({ events: ["y"] });
});
