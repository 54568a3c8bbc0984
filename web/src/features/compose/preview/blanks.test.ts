import { expect, it } from "vitest";
import type { Content } from "../draft/draft";
import { fieldsOf, nextBlank } from "./blanks";

const SAMPLE = ["x", "", "y", " "].map((firma, n) => ({ email: `${n}@example.com`, fields: { firma } }));

it("goes from blank to blank and begins anew", () => {
  expect(nextBlank(SAMPLE, 0, ["firma"])).toBe(1);
  expect(nextBlank(SAMPLE, 1, ["firma"])).toBe(3);
  expect(nextBlank(SAMPLE, 3, ["firma"])).toBe(1);
  expect(nextBlank(SAMPLE, 0, [])).toBeNull();
  expect(nextBlank([], 0, ["firma"])).toBeNull();
});

it("looks for the fields of what is sent", () => {
  const content = {
    subject: "{{ a }}",
    body: "{{ b }} {{ email }}",
    rich: false,
    html: "{{ c }}",
  } as Content;
  expect(fieldsOf(content)).toEqual(["a", "b"]);
  expect(fieldsOf({ ...content, rich: true })).toEqual(["a", "b", "c"]);
});
