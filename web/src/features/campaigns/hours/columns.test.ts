import { expect, test } from "vitest";
import { columns, height } from "./columns";

test("hours without anything are there, and senders of one hour are added up", () => {
  const hour = (windowStart: string, accepted: number, rejected = 0) => ({
    ...{ senderId: 1, windowStart, used: accepted, accepted, rejected, deferred: 0, released: 0, unknown: 0 },
  });
  const hours = [
    hour("2026-11-24T10:00:00Z", 3, 1),
    hour("2026-11-24T10:00:00Z", 4),
    hour("2026-11-20T10:00:00Z", 9),
  ];
  const found = columns(hours, 3, new Date("2026-11-24T12:59:00Z"));
  expect(found.map(height)).toEqual([8, 0, 0]);
  expect(found.map((column) => column.start.toISOString().slice(11, 13))).toEqual(["10", "11", "12"]);
  expect(found[0]).toMatchObject({ accepted: 7, rejected: 1 });
});
