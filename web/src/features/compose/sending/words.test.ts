import { expect, test } from "vitest";
import { laterStep } from "../draft/draft";
import { blankSentences, followUpSentence } from "./words";

const lack = { field: "firma", recipients: 2, required: true, rows: [3, 4], ifBlank: null };

test("who lacks a field is told with what becomes of them", () => {
  expect(blankSentences([lack])).toEqual(["2 recipients have no firma: left out."]);
  const written = { ...lack, recipients: 1, ifBlank: { do: "write" as const, text: "all" } };
  expect(blankSentences([written])).toEqual(["1 recipient has no firma: “all” is written instead."]);
  const sent = { ...lack, ifBlank: { do: "send" as const, text: "" } };
  expect(blankSentences([sent])).toEqual(["2 recipients have no firma: nothing is written there."]);
  expect(blankSentences([{ ...lack, required: false }])).toEqual([
    "2 recipients have no firma: the text's own default is written.",
  ]);
});

test("what follows is told with its waits", () => {
  const later = [laterStep("a"), { ...laterStep("b"), wait: { n: 36, unit: "hours" as const } }];
  expect(followUpSentence(later)).toBe(
    "To whoever has not answered: after 3 business days, then after 36 hours.",
  );
});
