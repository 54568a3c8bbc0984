import { expect, test } from "vitest";
import type { Attempt } from "./queries";
import { explain, reply } from "./words";

const NOW = new Date("2026-11-24T12:30:00Z");
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString();

const attempt = (outcome: Attempt["outcome"]): Attempt => ({
  ...{ number: 1, outcome, claimedAt: at(-1), recordedAt: at(-1), durationMs: 10, server: null },
  ...{ command: "RCPT", code: 550, enhancedCode: "5.1.1", reply: "No such user" },
});

test("each status is explained, by how it came about", () => {
  const email = (status: Parameters<typeof explain>[0]["status"], ...attempts: Attempt[]) =>
    explain({ status, attempts, retryCount: 0, scheduledAt: at(5) }, NOW);
  expect(email("SCHEDULED")).toContain("waits to be sent");
  expect(email("SCHEDULED", attempt("DEFERRED"))).toContain("tried again at");
  expect(email("SENT", attempt("ACCEPTED"))).toContain("took it");
  expect(email("SENT", attempt("UNKNOWN"))).toContain("may not have been");
  expect(email("FAILED", attempt("REJECTED"))).toContain("for good");
  expect(email("FAILED", attempt("DEFERRED"), attempt("DEFERRED"))).toContain("2 times");
  expect(email("UNKNOWN", attempt("UNKNOWN"))).toContain("may have taken it");
  expect(email("CANCELLED")).toContain("was not sent");
});

test("a reply is shown as servers say it", () => {
  expect(reply({ code: 550, enhancedCode: "5.1.1", reply: "No such user" })).toBe("550 5.1.1 No such user");
  expect(reply({ code: null, enhancedCode: null, reply: "connection lost" })).toBe("connection lost");
  expect(reply({ code: null, enhancedCode: null, reply: null })).toBe("");
});
