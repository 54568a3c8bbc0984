// @vitest-environment jsdom
import { expect, it } from "vitest";
import { contentOf, keptOf } from "./kept";

const pdf = { id: 7, name: "a.pdf", size: 3, warning: null };
const BESIDE = {
  replyTo: "me@example.com",
  headers: { "X-Deal": "7" },
  cc: ["a@example.com"],
  bcc: ["b@example.com"],
  attachments: [pdf],
};

it("comes back as it was kept", () => {
  for (const text of [
    { subject: "S", body: "B", bodyHtml: null, language: null },
    { subject: "S", body: "In short", bodyHtml: "<p>At length</p>", language: "de" },
    { subject: "", body: "Hello", bodyHtml: "<p>Hello</p>", language: null },
  ])
    expect(keptOf(contentOf({ ...text, ...BESIDE }))).toEqual({ ...text, ...BESIDE, attachments: [7] });
});

it("follows its rich text unless it was written by hand", () => {
  const html = { subject: "S", bodyHtml: "<p>Hello</p>", language: null };
  expect(contentOf({ ...html, body: "" })).toMatchObject({ rich: true, body: "Hello", textEdited: false });
  expect(contentOf({ ...html, body: "Hello" }).textEdited).toBe(false);
  expect(contentOf({ ...html, body: "Hi" }).textEdited).toBe(true);
});
