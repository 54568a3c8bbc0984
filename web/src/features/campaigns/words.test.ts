import { expect, test } from "vitest";
import type { Sender } from "@/features/senders/queries";
import { localTime } from "@/time/format";
import type { Campaign } from "./queries";
import { holdUp, progressText, senderHeldUp } from "./words";

const NOW = new Date("2026-11-24T12:30:00Z");
const HOUR = localTime(new Date("2026-11-24T13:00:00Z"), NOW);
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString();

function campaign(changes: Partial<Campaign> = {}): Campaign {
  const counts = { SCHEDULED: 5, SENDING: 0, SENT: 5, FAILED: 0, UNKNOWN: 0, CANCELLED: 0 };
  return {
    ...{ id: 1, name: "News", senderId: 2, subject: "s", body: "b", bodyHtml: null, total: 10, counts },
    ...{ senderIds: [2], senders: [], latestAt: null, jitterPercent: 0, calendar: null },
    ...{ startTime: at(-60), delayBetweenMs: 0, hourlyLimit: null, onUnknown: "hold", status: "ACTIVE" },
    ...{ nextAt: at(0), lastAt: at(10), createdAt: at(-60), finishedAt: null, usedThisHour: 0 },
    ...changes,
  };
}

function sender(changes: Partial<Sender> = {}): Sender {
  return {
    ...{ id: 2, email: "anna@example.com", displayName: "", host: null, port: null, security: null },
    ...{ username: null, hasPassword: false, hourlyLimit: 100, usedThisHour: 10, maxConnections: 1 },
    ...{ isDefault: true, blockedUntil: null, blockReason: null, verifiedAt: null, verifyError: null },
    ...{ createdAt: at(-60), held: null },
    ...changes,
  };
}

test("nothing holds back what is going", () => {
  expect(holdUp(campaign(), sender(), NOW)).toBeNull();
  expect(holdUp(campaign(), undefined, NOW)).toBeNull();
});

test("what is over is not held back", () => {
  const counts = { SCHEDULED: 0, SENDING: 0, SENT: 10, FAILED: 0, UNKNOWN: 0, CANCELLED: 0 };
  expect(holdUp(campaign({ counts, status: "FINISHED", nextAt: null }), sender(), NOW)).toBeNull();
  expect(holdUp(campaign({ status: "CANCELLED" }), sender(), NOW)).toBeNull();
});

test("a pause is said before anything else", () => {
  const paused = holdUp(campaign({ status: "PAUSED" }), sender({ blockedUntil: at(5) }), NOW);
  expect(paused?.text).toContain("until you resume");
});

test("a campaign that has not begun says when it starts", () => {
  const counts = { SCHEDULED: 10, SENDING: 0, SENT: 0, FAILED: 0, UNKNOWN: 0, CANCELLED: 0 };
  const text = holdUp(campaign({ counts, nextAt: at(90) }), sender(), NOW)?.text;
  expect(text).toBe(`It starts at ${localTime(new Date(at(90)), NOW)}.`);
});

test("a sender in trouble is named with the reason, and no longer once the time is over", () => {
  const blocked = sender({ blockedUntil: at(5), blockReason: "535 wrong password" });
  const found = holdUp(campaign(), blocked, NOW);
  expect(found?.kind).toBe("trouble");
  expect(found?.text).toContain("anna@example.com is held back until");
  expect(found?.text).toContain("535 wrong password.");
  expect(holdUp(campaign(), { ...blocked, blockedUntil: at(-5) }, NOW)).toBeNull();
});

test("what a server refuses is told with its words and the next try, a sender's before a campaign's", () => {
  const held = {
    reason: "REFUSED" as const,
    words: "554 5.6.0 no",
    since: at(-5),
    probeAt: at(10),
    emails: 5,
  };
  const own = holdUp(campaign({ held, nextAt: at(-30) }), sender(), NOW);
  expect(own?.kind).toBe("trouble");
  expect(own?.text).toBe(
    `Held back: its server refuses email after email. The next try is at ${localTime(new Date(at(10)), NOW)}. 554 5.6.0 no.`,
  );
  const refused = campaign({ held, nextAt: at(15) });
  refused.counts = { SCHEDULED: 10, SENDING: 0, SENT: 0, FAILED: 0, UNKNOWN: 0, CANCELLED: 0 };
  expect(holdUp(refused, sender(), NOW)?.kind).toBe("trouble"); // each of its emails was set aside: it has begun
  const begun = campaign({ nextAt: at(15) });
  begun.counts = refused.counts;
  expect(holdUp(begun, sender({ held }), NOW)?.text).toContain(
    "anna@example.com is held back: its server refuses",
  );
  const nextWeek = { ...begun, startTime: at(15) };
  expect(holdUp(nextWeek, sender({ held }), NOW)?.text).toContain("It starts at");
  const slow = { ...held, reason: "SERVER_SLOW" as const, words: "450 slow down", probeAt: at(-1) };
  const all = holdUp(campaign({ held }), sender({ held: slow }), NOW);
  expect(all?.kind).toBe("wait");
  expect(all?.text).toContain("anna@example.com is held back: its server takes no more for now.");
  expect(all?.text).toContain("The next try is due. 450 slow down.");
});

test("a sender that is backed off is told before what is held of one campaign: nothing of it is tried", () => {
  const held = { reason: "REFUSED" as const, words: "554 no", since: at(-5), probeAt: at(-1), emails: 5 };
  const blocked = sender({ blockedUntil: at(5), blockReason: "535 wrong password" });
  expect(holdUp(campaign({ held, nextAt: at(-30) }), blocked, NOW)?.text).toContain("535 wrong password.");
  expect(senderHeldUp(blocked, NOW)?.text).toContain("anna@example.com is held back until");
  expect(senderHeldUp(blocked, new Date(at(6)))).toBeNull();
  expect(senderHeldUp(sender(), NOW)).toBeNull();
});

test("a limit is told with its numbers and the hour in which it goes on", () => {
  const own = holdUp(campaign({ hourlyLimit: 1200, usedThisHour: 1200, nextAt: at(30) }), sender(), NOW);
  expect(own?.text).toBe(
    `The campaign's hourly limit is reached: 1,200 of 1,200 this hour. It goes on at ${HOUR}.`,
  );
  const theirs = holdUp(campaign({ nextAt: at(30) }), sender({ usedThisHour: 100 }), NOW);
  expect(theirs?.text).toContain("The hourly limit of anna@example.com is reached: 100 of 100 this hour.");
});

test("a long delay says when the next one goes, and a short one nothing", () => {
  expect(holdUp(campaign({ nextAt: at(20) }), sender(), NOW)?.text).toContain(
    "The next email is planned for",
  );
  expect(holdUp(campaign({ nextAt: at(0.5) }), sender(), NOW)).toBeNull();
});

test("what is due for long without a reason hints at a missing worker", () => {
  expect(holdUp(campaign({ nextAt: at(-3) }), sender(), NOW)?.kind).toBe("trouble");
});

test("a bar in words leaves out what is not there", () => {
  expect(
    progressText(
      [
        ["Sent", 1200],
        ["Failed", 0],
        ["Scheduled", 800],
      ],
      2000,
    ),
  ).toBe("2,000 emails: 1,200 sent, 800 scheduled");
});
