// @vitest-environment jsdom
import { expect, test } from "vitest";
import { asPlain, asRich } from "./kindOfText";

test("what is written goes along when an answer becomes rich, and back", () => {
  const plain = { body: "Dear Ada,\n\nat ten?\n", bodyHtml: "" };
  const rich = { ...plain, ...asRich(plain) };
  expect(rich.bodyHtml).toBe("<p>Dear Ada,</p><p>at ten?\n</p>".replace("\n", "<br>"));
  expect(asPlain(rich)).toEqual({});
  const written = { ...rich, bodyHtml: "<p>Dear <strong>Ada</strong>,</p><p>at nine?</p>" };
  const back = { ...written, ...asPlain(written) };
  expect(back.body).toBe("Dear Ada,\n\nat nine?");
  expect(asRich(back)).toEqual({}); // and "Ada" is bold still
  expect(asRich({ ...back, body: "At eight?" })).toEqual({ bodyHtml: "<p>At eight?</p>" });
});

test("nothing is nothing in either", () => {
  expect(asRich({ body: "", bodyHtml: "" })).toEqual({});
  expect(asPlain({ body: "Gone", bodyHtml: "" })).toEqual({ body: "" });
});
