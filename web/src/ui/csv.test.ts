import { expect, it } from "vitest";
import { csvOf } from "./csv";

it("quotes what would end a cell or a line", () => {
  expect(
    csvOf([
      ["row", "why"],
      ["1", 'a "word", and\nmore'],
    ]),
  ).toBe('row,why\r\n1,"a ""word"", and\nmore"\r\n');
});

it("has no spreadsheet reckon", () => {
  expect(csvOf([["a;=1+1", 'b\n "@x"']])).toBe('a;\'=1+1,"b\n\' ""@x"""\r\n');
  expect(csvOf([["=1+1", "@x", "'-2", "a=b", "7"]])).toBe("'=1+1,'@x,''-2,a=b,7\r\n");
});
