import { expect, test } from "vitest";
import { dueText, sentSince } from "./today";

test("only today's hours count as sent today", () => {
  const hour = (windowStart: string, accepted: number) => ({ windowStart, accepted });
  const hours = [
    hour("2026-11-23T23:00:00Z", 5),
    hour("2026-11-24T00:00:00Z", 7),
    hour("2026-11-24T09:00:00Z", 2),
  ];
  expect(sentSince(hours, new Date("2026-11-24T00:00:00Z"))).toBe(9);
});

test("what is counted no further is said so", () => {
  expect(dueText(10_000)).toBe("10,000");
  expect(dueText(10_001)).toBe("over 10,000");
});
