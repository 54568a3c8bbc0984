import { describe, expect, it } from "vitest";
import { type Content, type Draft, EMPTY } from "./draft";
import { delayMs, missing, requestOf, testOf } from "./request";

const [first] = EMPTY.steps;
const written = (content: Partial<Content>, others: Partial<Draft> = {}): Draft => ({
  ...EMPTY,
  ...others,
  steps: [{ ...first, content: { ...first.content, ...content } }],
});

describe("a draft, as the API takes it,", () => {
  it("is spread by the lower of both limits", () => {
    const { timing } = EMPTY;
    expect(delayMs({ ...timing, spread: true }, 100)).toBe(36_000);
    expect(delayMs({ ...timing, delay: "1.5" }, 100)).toBe(1_500);
    expect(delayMs({ ...timing, delay: "" }, 100)).toBe(0);
    expect(delayMs({ ...timing, delay: "." }, 100)).toBe(0);
    expect(delayMs({ ...timing, spread: true, hourlyLimit: 60 }, 100)).toBe(60_000);
    expect(delayMs({ ...timing, delay: 1.5, delayUnit: "minutes" }, 100)).toBe(90_000);
  });

  it("names its list, and nothing that was left empty", () => {
    const columns = { hasHeader: true, email: 0, fields: ["email"] };
    const draft = written({ subject: "S", body: "B", html: "<p>x</p>" });
    expect(requestOf(draft, { named: { listId: 5, columns } }, 100)).toEqual({
      subject: "S",
      body: "B",
      bodyHtml: null,
      language: null,
      ifBlank: {},
      name: null,
      senderId: null,
      startTime: null,
      delayBetweenMs: 0,
      hourlyLimit: null,
      onUnknown: "hold",
      listId: 5,
      columns,
    });
  });

  it("names the sender that was chosen, whether or not it is known already", () => {
    const draft = written({ subject: "S" }, { senderIds: [7] });
    expect(requestOf(draft, { named: null }, undefined).senderId).toBe(7);
  });

  it("says what is missing", () => {
    const later: Draft = { ...EMPTY, timing: { ...EMPTY.timing, when: "later" } };
    expect(Object.keys(missing(later, 0))).toEqual([
      "steps[0].content.subject",
      "steps[0].content.body",
      "audience",
      "timing.startTime",
    ]);
  });

  it("is tested from its sender, at once", () => {
    const draft = written({ subject: "S", body: "B" }, { senderIds: [7] });
    const ada = { email: "ada@example.com", fields: { name: "Ada" } };
    expect(testOf(draft, draft.steps[0].content, ada, "me@example.com")).toEqual({
      subject: "S",
      body: "B",
      bodyHtml: null,
      language: null,
      ifBlank: {},
      name: "Test: S",
      senderId: 7,
      recipients: [{ name: "Ada", email: "me@example.com" }],
    });
  });
});
