import { expect, test } from "vitest";
import { choose, chooseAll, NOTHING } from "./selection";

const IDS = [9, 7, 5, 3, 1];

test("rows are turned on and off one by one", () => {
  const one = choose(NOTHING, IDS, 7, true, false);
  const two = choose(one, IDS, 1, true, false);
  expect([...two.chosen]).toEqual([7, 1]);
  expect([...choose(two, IDS, 7, false, false).chosen]).toEqual([1]);
});

test("shift takes all from the last one on, in either direction", () => {
  const down = choose(choose(NOTHING, IDS, 7, true, false), IDS, 3, true, true);
  expect([...down.chosen]).toEqual([7, 5, 3]);
  const up = choose(choose(NOTHING, IDS, 3, true, false), IDS, 9, true, true);
  expect([...up.chosen].sort()).toEqual([3, 5, 7, 9]);
  expect([...choose(up, IDS, 5, false, true).chosen]).toEqual([3]);
});

test("shift without a row to begin from takes that row", () => {
  expect([...choose(NOTHING, IDS, 5, true, true).chosen]).toEqual([5]);
  const gone = { chosen: new Set([99]), anchor: 99 };
  expect([...choose(gone, IDS, 5, true, true).chosen]).toEqual([99, 5]);
});

test("all that are loaded, or none", () => {
  expect(chooseAll(IDS, true).chosen.size).toBe(5);
  expect(chooseAll(IDS, false).chosen.size).toBe(0);
});
