import { describe, expect, it } from "vitest";
import { heldBackSentences, planSentence } from "./words";

const NOW = new Date(2030, 0, 31, 9, 0);
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString();
const plan = (accepted: number, first: number, last: number) => ({
  accepted,
  firstAt: at(first),
  lastAt: at(last),
});

describe("the plan in words", () => {
  it("is right for one and for many, now and later", () => {
    expect(planSentence(plan(1, 0, 0), NOW)).toBe("1 email leaves now.");
    expect(planSentence(plan(1, 60, 60), NOW)).toBe("1 email leaves on 31 Jan, 10:00.");
    expect(planSentence(plan(20, 0, 0), NOW)).toBe("20 emails leave now, within a minute.");
    expect(planSentence(plan(20, 60, 60), NOW)).toBe("20 emails leave on 31 Jan, 10:00, within a minute.");
    expect(planSentence(plan(2000, 0, 90), NOW)).toBe(
      "2,000 emails leave: the first now, the last on 31 Jan, 10:30.",
    );
    expect(planSentence(plan(2, 60, 90), NOW)).toBe(
      "2 emails leave: the first on 31 Jan, 10:00, the last on 31 Jan, 10:30.",
    );
  });

  it("names what holds it back", () => {
    const held = { heldBackBy: { HOURLY_LIMIT: 1, CAMPAIGN_LIMIT: 3 }, senders: [{ hourlyLimit: 100 }] };
    expect(heldBackSentences(held as never, "anna@example.com", 50)).toEqual([
      "Held back by the hourly limit of 100 on anna@example.com, which is used up in 1 hour.",
      "Held back by this campaign's own limit of 50 an hour, which is used up in 3 hours.",
    ]);
    expect(heldBackSentences({ ...held, heldBackBy: {} } as never, "anna@example.com", null)).toEqual([]);
  });
});
