import { expect, it } from "vitest";
import { chipAt, chipsIn, withFallback, withoutChip } from "./chips";

const TEXT = 'Hi {{ name | default: "you" }} of {{ firma }}, {{ a | upcase }}';

it("finds fields with their defaults", () => {
  expect(chipsIn(TEXT).map(({ field, fallback }) => [field, fallback])).toEqual([
    ["name", "you"],
    ["firma", ""],
    [null, ""],
  ]);
  expect(chipAt(TEXT, 3)).toBeNull();
  expect(chipAt(TEXT, 10)?.field).toBe("name");
});

it("takes a field away as a whole, from either side", () => {
  expect(withoutChip("a {{ b }} c", 9, "Backspace")).toEqual({ text: "a  c", caret: 2 });
  expect(withoutChip("a {{ b }} c", 2, "Delete")).toEqual({ text: "a  c", caret: 2 });
  expect(withoutChip("a {{ b }} c", 2, "Backspace")).toBeNull();
  expect(withoutChip("a {{ b }} c", 9, "Delete")).toBeNull();
  expect(withoutChip("a {{ b }} c", 5, "x")).toBeNull();
});

it("puts a default into the field itself", () => {
  const chip = chipAt("a {{ b }} c", 5);
  if (!chip) throw new Error("no field");
  expect(withFallback("a {{ b }} c", chip, "you")).toEqual({
    text: 'a {{ b | default: "you" }} c',
    caret: 26,
  });
  expect(withFallback("a {{ b }} c", chip, "").text).toBe("a {{ b }} c");
});
