import { describe, expect, it } from "vitest";
import { OFFICE_HOURS } from "@/features/campaigns/calendar";
import type { Sender } from "@/features/senders/queries";
import type { Plan } from "../queries";
import {
  heldBackSentences,
  lateSentence,
  newPeopleSentence,
  paceSentence,
  planSentence,
  spanSentence,
} from "./words";

const NOW = new Date(2030, 0, 31, 9, 0);
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString();
const plan = (accepted: number, first: number, last: number) => ({
  accepted,
  firstAt: at(first),
  lastAt: at(last),
});

describe("the plan in words", () => {
  it("is right for one and for many, now and later", () => {
    expect(planSentence(plan(1, 0, 0), [], NOW)).toBe("1 email leaves now.");
    expect(planSentence(plan(1, 60, 60), [], NOW)).toBe("1 email leaves on 31 Jan, 10:00.");
    expect(planSentence(plan(20, 0, 0), [], NOW)).toBe("20 emails leave now, within a minute.");
    expect(planSentence(plan(20, 60, 60), [], NOW)).toBe(
      "20 emails leave on 31 Jan, 10:00, within a minute.",
    );
    expect(planSentence(plan(2000, 0, 90), [], NOW)).toBe(
      "2,000 emails leave: the first now, the last on 31 Jan, 10:30.",
    );
    expect(planSentence(plan(2, 60, 90), [], NOW)).toBe(
      "2 emails leave: the first on 31 Jan, 10:00, the last on 31 Jan, 10:30.",
    );
  });

  it("promises nothing while all mailboxes are held back", () => {
    const fine = { email: "anna@example.com", blockedUntil: null, blockReason: null } as Sender;
    const held = {
      ...fine,
      email: "bob@example.com",
      blockedUntil: at(10),
      blockReason: "450 busy",
    } as Sender;
    expect(planSentence(plan(1, 0, 0), [held], NOW)).toBe(
      "1 email leaves once the mailbox is held back no more.",
    );
    expect(spanSentence(plan(9, 0, 0), [held, held], NOW)).toBe(
      "Begins once a mailbox is held back no more.",
    );
    expect(planSentence(plan(9, 0, 0), [held, fine], NOW)).toBe("9 emails leave now, within a minute.");
    expect(planSentence(plan(1, 60, 60), [held], NOW)).toBe("1 email leaves on 31 Jan, 10:00.");
    const [told] = heldBackSentences({ heldBackBy: {} }, [fine, held], null, NOW);
    expect(told).toContain("bob@example.com is held back until 31 Jan, 09:10");
  });

  it("names what holds it back", () => {
    const limits = { hourlyLimit: 100, dailyLimit: 40, blockedUntil: null };
    const anna = { email: "anna@example.com", ...limits } as Sender;
    const held = { heldBackBy: { HOURLY_LIMIT: 1, CAMPAIGN_LIMIT: 3 } };
    expect(heldBackSentences(held, [anna], 50)).toEqual([
      "Held back by the hourly limit of 100 on anna@example.com, used up in 1 hour.",
      "Held back by this campaign's own limit of 50 an hour, used up in 3 hours.",
    ]);
    expect(heldBackSentences({ heldBackBy: {} }, [anna], null)).toEqual([]);
    expect(heldBackSentences({ heldBackBy: { DAILY_LIMIT: 20 } }, [anna], null)).toEqual([
      "Held back by the limit of 40 in 24 hours on anna@example.com, used up in 20 hours.",
    ]);
    expect(heldBackSentences({ heldBackBy: { RAMP: 20 } }, [anna, anna], null)).toEqual([
      "Held back by the mailboxes' ramp-up, used up in 20 hours.",
    ]);
  });

  it("says the pace of many days, by the calendar and over mailboxes", () => {
    const days = [38, 38, 0, 38].map((n, day) => ({ day: `2030-01-0${day + 1}`, count: n }));
    const three = [40, 40, 34].map((n) => ({ count: n }));
    const many = { ...plan(114, 0, 5000), days, senders: three } as Plan;
    expect(paceSentence(many, { calendar: { ...OFFICE_HOURS, timezone: "recipient" } })).toBe(
      "Mondays to Fridays, 9:00 to 17:00 their time, about 38 a day from 3 mailboxes.",
    );
    expect(paceSentence(many, { calendar: null })).toBe("About 38 a day from 3 mailboxes.");
    const short = { ...many, days: days.slice(0, 1) };
    expect(paceSentence(short, { calendar: null })).toBe("All from 3 mailboxes.");
    expect(paceSentence({ ...short, senders: three.slice(0, 1) } as Plan, { calendar: null })).toBeNull();
  });

  it("says how many new people a day steps leave", () => {
    const steps = [1, 2, 3].map((step) => ({ step, count: 100, firstAt: null, lastAt: null, late: 0 }));
    expect(newPeopleSentence({ newPerDay: 13, steps, accepted: 100 })).toBe(
      "With 3 steps, the limits leave room for about 13 new people a day.",
    );
    expect(newPeopleSentence({ newPerDay: 0, steps, accepted: 9 })).toContain(
      "fewer than one new person a day",
    );
    expect(newPeopleSentence({ newPerDay: 13, steps, accepted: 13 })).toBeNull();
    expect(newPeopleSentence({ newPerDay: null, steps: [], accepted: 100 })).toBeNull();
    expect(heldBackSentences({ heldBackBy: { FOLLOW_UPS: 7 } }, [], null)).toEqual([
      "Room is kept for follow-ups in 7 hours.",
    ]);
  });

  it("says what would come too late", () => {
    expect(lateSentence({ late: 0, accepted: 9 })).toBeNull();
    expect(lateSentence({ late: 2, accepted: 9 })).toContain("2 emails planned for after");
    expect(lateSentence({ late: 9, accepted: 9 })).toContain("nothing would be sent");
  });
});
