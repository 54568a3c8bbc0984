import { expect, it } from "vitest";
import { idInPath, textIn } from "./searchParams";

it("reads an id of a path only where one is written as it should be", () => {
  expect(["7", "9007199254740991"].map(idInPath)).toEqual([7, 9007199254740991]);
  for (const other of ["1.5", "abc", "1e3", "0x10", "0", "-1", "+1", " 1", "", "\0", "9007199254740993"])
    expect(idInPath(other)).toBe(0);
});

it("reads what is sought without what nobody can have typed", () => {
  expect(["ada", 12, true, " ada ", "ada\0@example.com"].map(textIn)).toEqual([
    ...["ada", "12", "true", "ada", "ada@example.com"],
  ]);
  for (const nothing of ["\0", "  ", undefined, null, {}]) expect(textIn(nothing)).toBeUndefined();
});
