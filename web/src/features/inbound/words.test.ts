import { expect, test } from "vitest";
import { rate, verdict, writerOf } from "./words";

const bounce = {
  kind: "BOUNCE",
  severity: "hard",
  ofSender: false,
  code: 550,
  enhancedCode: "5.1.1",
  backOn: null,
} as const;

test("a bounce says what it is about, and with which codes", () => {
  expect(verdict(bounce)).toBe("No such mailbox (550 5.1.1)");
  expect(verdict({ ...bounce, severity: "soft", code: null, enhancedCode: null })).toBe("It may pass");
  expect(verdict({ ...bounce, severity: "policy", ofSender: true })).toBe(
    "The provider refuses the sender (550 5.1.1)",
  );
});

test("an absence note says until when, a reply nothing", () => {
  expect(verdict({ ...bounce, kind: "AUTO_REPLY", backOn: "2026-12-01" })).toBe("Back on 1 Dec 2026");
  expect(verdict({ ...bounce, kind: "AUTO_REPLY" })).toBe("");
  expect(verdict({ ...bounce, kind: "REPLY" })).toBe("");
});

test("a response is called by the name of who wrote, else by an address", () => {
  expect(writerOf({ writer: "ada@x.example", writerName: "Ada", recipient: "info@x.example" })).toBe("Ada");
  expect(writerOf({ writer: "ada@x.example", writerName: "", recipient: "info@x.example" })).toBe(
    "ada@x.example",
  );
  expect(writerOf({ writer: null, writerName: "", recipient: "info@x.example" })).toBe("info@x.example");
});

test("a rate is of those that were sent", () => {
  expect(rate(0, 10)).toBe("");
  expect(rate(3, 0)).toBe("");
  expect(rate(42, 1000)).toBe("4.2 % of those sent");
  expect(rate(2, 8214)).toBe("under 0.1 % of those sent");
  expect(rate(1, 3)).toBe("33 % of those sent");
});
