import { expect, test } from "vitest";
import { explain, reply } from "./course";
import type { Attempt, CancelReason } from "./queries";

const NOW = new Date("2026-11-24T12:30:00Z");
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString();

const attempt = (outcome: Attempt["outcome"]): Attempt => ({
  ...{ number: 1, outcome, claimedAt: at(-1), recordedAt: at(-1), durationMs: 10, server: null },
  ...{ command: "RCPT", code: 550, enhancedCode: "5.1.1", reply: "No such user" },
});

test("each status is explained, by how it came about", () => {
  const notInSent = null;
  const email = (status: Parameters<typeof explain>[0]["status"], ...attempts: Attempt[]) =>
    explain({ status, attempts, retryCount: 0, scheduledAt: at(5), cancelReason: null, notInSent }, NOW);
  expect(email("SCHEDULED")).toContain("waits to be sent");
  expect(email("SCHEDULED", attempt("DEFERRED"))).toContain("tried again at");
  expect(email("SENT", attempt("ACCEPTED"))).toContain("took it");
  expect(email("SENT", attempt("UNKNOWN"))).toContain("may not have been");
  expect(email("FAILED", attempt("REJECTED"))).toContain("for good");
  expect(email("FAILED", attempt("DEFERRED"), attempt("DEFERRED"))).toContain("2 times");
  expect(email("UNKNOWN", attempt("UNKNOWN"))).toContain("may have taken it");
  expect(email("CANCELLED")).toContain("was not sent");
});

test("of an email in doubt it is told that it is not in Sent, and what that means", () => {
  const email = (keepsCopies: boolean | null) =>
    explain(
      {
        ...{ status: "UNKNOWN", attempts: [attempt("UNKNOWN")], retryCount: 0, scheduledAt: at(5) },
        ...{ cancelReason: null, notInSent: { readings: 2, lastAt: at(-3), keepsCopies } },
      },
      NOW,
    );
  expect(email(true)).toContain("looked for 2 times");
  expect(email(true)).toContain("probably not sent");
  expect(email(false)).toContain("says nothing");
  expect(email(null)).toContain("a check on the wire");
});

test("a cancelled email says why", () => {
  const email = (cancelReason: CancelReason | null) =>
    explain(
      { status: "CANCELLED", attempts: [], retryCount: 0, scheduledAt: at(5), cancelReason, notInSent: null },
      NOW,
    );
  expect(email("CAMPAIGN")).toBe("Its campaign was cancelled before its turn. It was not sent.");
  expect(email(null)).toBe(email("CAMPAIGN")); // of before reasons were kept
  expect(email("SUPPRESSED")).toContain("suppressed");
  expect(email("LATE")).toContain("last moment");
});

test("a reply is shown as servers say it", () => {
  expect(reply({ code: 550, enhancedCode: "5.1.1", reply: "No such user" })).toBe("550 5.1.1 No such user");
  expect(reply({ code: null, enhancedCode: null, reply: "connection lost" })).toBe("connection lost");
  expect(reply({ code: null, enhancedCode: null, reply: null })).toBe("");
});
