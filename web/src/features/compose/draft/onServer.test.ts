// @vitest-environment jsdom
import { expect, it } from "vitest";
import { EMPTY } from "./draft";
import { filesIn, nameOf, printOf } from "./onServer";

it("has its subject for a name, whole characters of it", () => {
  const [first] = EMPTY.steps;
  const content = { ...first.content, subject: `${"x".repeat(199)}🎉!` };
  expect(nameOf({ ...EMPTY, steps: [{ ...first, content }] })).toBe(`${"x".repeat(199)}🎉`);
});

it("names its files, pictures among them, once", () => {
  const [first] = EMPTY.steps;
  const content = {
    ...first.content,
    html: '<img src="/api/files/7"><img src="/api/files/7">',
    attachments: [{ id: 9, name: "a", size: 1, warning: null }],
  };
  expect(filesIn({ ...EMPTY, steps: [{ ...first, content }] })).toEqual([9, 7]);
});

it("tells contents by what they say, not by the order of their parts or by the attempt", () => {
  const draft = { ...EMPTY, name: "Spring" };
  const turned = Object.fromEntries(Object.entries(draft).reverse());
  expect(printOf({ ...turned, attempt: { key: "x" }, keptAs: 7, identity: "a" })).toBe(printOf(draft));
  expect(printOf({ ...draft, name: "Summer" })).not.toBe(printOf(draft));
  const [first] = EMPTY.steps;
  const leftOut = { ...first.content, ifBlank: { attempt: { do: "leave_out", text: "" } } };
  expect(printOf({ ...draft, steps: [{ ...first, content: leftOut }] })).not.toBe(
    printOf({ ...draft, steps: [{ ...first, content: { ...leftOut, ifBlank: { attempt: null } } }] }),
  );
});
