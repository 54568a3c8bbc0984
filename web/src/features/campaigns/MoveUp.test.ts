// @vitest-environment jsdom
import { expect, it } from "vitest";
import { movedUpSentence } from "./MoveUp";

it("says what moving up changed", () => {
  const now = new Date(2030, 0, 31, 9, 0);
  const at = (hours: number) => new Date(now.getTime() + hours * 3_600_000).toISOString();
  const moved = { at: at(-1), by: "DAY" as const, lastBefore: at(4), lastNow: at(2), planning: false };
  expect(movedUpSentence(moved, now)).toBe(
    "New people moved up on 31 Jan, 08:00: the last leaves on 31 Jan, 11:00, not on 31 Jan, 13:00.",
  );
  expect(movedUpSentence({ ...moved, lastNow: at(4) }, now)).toContain("no room to move into");
  expect(movedUpSentence({ ...moved, lastNow: null }, now)).toBe(
    "New people last moved up on 31 Jan, 08:00.",
  );
  expect(movedUpSentence({ ...moved, at: null, by: null }, now)).toContain("Once a day");
  expect(movedUpSentence({ ...moved, planning: true }, now)).toContain("are moving up");
});
