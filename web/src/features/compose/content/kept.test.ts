import { expect, it } from "vitest";
import { contentOf, keptOf } from "./kept";

it("comes back as it was kept", () => {
  for (const text of [
    { subject: "S", body: "B", bodyHtml: null, language: null },
    { subject: "S", body: "In short", bodyHtml: "<p>At length</p>", language: "de" },
    { subject: "", body: "Hello", bodyHtml: "<p>Hello</p>", language: null },
  ])
    expect(keptOf(contentOf(text))).toEqual(text);
});

it("follows its rich text unless it was written by hand", () => {
  const html = { subject: "S", bodyHtml: "<p>Hello</p>", language: null };
  expect(contentOf({ ...html, body: "" })).toMatchObject({ rich: true, body: "Hello", textEdited: false });
  expect(contentOf({ ...html, body: "Hello" }).textEdited).toBe(false);
  expect(contentOf({ ...html, body: "Hi" }).textEdited).toBe(true);
});
