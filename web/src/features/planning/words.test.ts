import { expect, test } from "vitest";
import { localTime } from "@/time/format";
import { isLimit, isWorthSaying, startsLate, WAITING, type Waiting, why } from "./words";

const NOW = new Date("2026-11-24T12:30:00Z");
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000).toISOString();
const shown = (minutes: number) => localTime(new Date(at(minutes)), NOW);

function waiting(changes: Partial<Waiting> = {}): Waiting {
  return { reason: "HOURLY_LIMIT", until: at(30), detail: "Raise the limit.", ...changes };
}

test("a reason is told with its end", () => {
  expect(why(waiting(), NOW)).toBe(`The hourly limit is used up until ${shown(30)}.`);
  expect(why(waiting({ reason: "NOT_DUE" }), NOW)).toBe(`Planned for ${shown(30)}.`);
  expect(why(waiting({ reason: "PAUSED", until: null }), NOW)).toBe("Paused.");
  expect(why(waiting({ reason: "NOT_DUE", until: null }), NOW)).toBe("Due.");
});

test("what goes this minute, what is over and what waits for nothing is not worth a word", () => {
  expect(isWorthSaying(null, NOW)).toBe(false);
  expect(isWorthSaying(undefined, NOW)).toBe(false);
  expect(isWorthSaying(waiting({ reason: "NOTHING_WAITS", until: null }), NOW)).toBe(false);
  expect(isWorthSaying(waiting({ reason: "NOT_DUE", until: at(0.5) }), NOW)).toBe(false);
  expect(isWorthSaying(waiting({ reason: "NOT_DUE", until: at(2) }), NOW)).toBe(true);
  expect(isWorthSaying(waiting({ until: at(-1) }), NOW)).toBe(false);
  expect(isWorthSaying(waiting({ until: at(0.5) }), NOW)).toBe(true);
  expect(isWorthSaying(waiting({ reason: "NO_WORKER", until: null }), NOW)).toBe(true);
});

test("a campaign that starts late says when it would have", () => {
  expect(startsLate(waiting({ until: at(3 * 1440) }), at(0), NOW)).toBe(
    `Starts at ${shown(3 * 1440)} instead of ${shown(0)}.`,
  );
  expect(startsLate(waiting({ until: at(0.5) }), at(0), NOW)).toBeNull();
  expect(startsLate(waiting({ reason: "NOT_DUE" }), at(0), NOW)).toBeNull();
  expect(startsLate(waiting({ until: null }), at(0), NOW)).toBeNull();
});

test("only limits that others use are a reason to go first", () => {
  const limits = Object.keys(WAITING).filter((reason) => isLimit(waiting({ reason: reason as never })));
  expect(limits).toEqual(["HOURLY_LIMIT", "DAILY_LIMIT", "RAMP", "LEAST_GAP"]);
});
