import { expect, test } from "vitest";
import { localTime } from "@/time/format";
import type { Sender } from "./queries";
import { senderHeldUp } from "./words";

const NOW = new Date("2026-11-24T12:30:00Z");
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString();

function sender(changes: Partial<Sender> = {}): Sender {
  return {
    ...{
      id: 2,
      email: "anna@example.com",
      displayName: "",
      replyTo: null,
      host: null,
      port: null,
      security: null,
    },
    ...{ username: null, hasPassword: false, hourlyLimit: 100, usedThisHour: 10, maxConnections: 1 },
    ...{ isDefault: true, blockedUntil: null, blockReason: null, verifiedAt: null, verifyError: null },
    ...{ createdAt: at(-60), held: null, leftThisHour: 90, dailyLimit: null, usedToday: 10, leftToday: null },
    retiredAt: null,
    sandboxUntil: null,
    ...{ leastGapSeconds: null, rampUp: null, rampToday: null, timezone: "UTC", sharesLoginWith: [] },
    copyToSent: true,
    ...{ credential: { kind: "PASSWORD" as const, provider: null, endedAt: null, error: null } },
    ...{ imap: null, verifyImapError: null, checked: null },
    ...changes,
  };
}

test("a sender in trouble is named with the reason, and no longer once the time is over", () => {
  const blocked = sender({ blockedUntil: at(5), blockReason: "535 wrong password" });
  const found = senderHeldUp(blocked, NOW);
  expect(found?.kind).toBe("trouble");
  expect(found?.text).toContain("anna@example.com is held back until");
  expect(found?.text).toContain("535 wrong password.");
  expect(senderHeldUp(blocked, new Date(at(6)))).toBeNull();
  expect(senderHeldUp(sender(), NOW)).toBeNull();
  expect(senderHeldUp(undefined, NOW)).toBeNull();
});

test("what a server refuses is told with its words and the next try", () => {
  const held = {
    reason: "REFUSED" as const,
    words: "554 5.6.0 no",
    since: at(-5),
    probeAt: at(10),
    emails: 5,
  };
  const refused = senderHeldUp(sender({ held, blockedUntil: at(5) }), NOW);
  expect(refused?.kind).toBe("trouble");
  expect(refused?.text).toBe(
    `anna@example.com is held back: its server refuses email after email. The next try is at ${localTime(new Date(at(10)), NOW)}. 554 5.6.0 no.`,
  );
  const slow = { ...held, reason: "SERVER_SLOW" as const, words: "450 slow down", probeAt: at(-1) };
  const found = senderHeldUp(sender({ held: slow }), NOW);
  expect(found?.kind).toBe("wait");
  expect(found?.text).toContain("its server takes no more for now. The next try is due. 450 slow down.");
});
