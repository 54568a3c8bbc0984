import { describe, expect, it } from "vitest";
import { type Content, type Draft, EMPTY } from "./draft";
import { delayMs, missing, requestOf, testOf } from "./request";

const ONE = { leastLimit: 100, count: 1 };
const [first] = EMPTY.steps;
const written = (content: Partial<Content>, others: Partial<Draft> = {}): Draft => ({
  ...EMPTY,
  ...others,
  steps: [{ ...first, content: { ...first.content, ...content } }],
});

describe("a draft, as the API takes it,", () => {
  it("is spread by the lower of both limits", () => {
    const { timing } = EMPTY;
    expect(delayMs({ ...timing, spread: true }, ONE)).toBe(36_000);
    expect(delayMs({ ...timing, delay: "1.5" }, ONE)).toBe(1_500);
    expect(delayMs({ ...timing, delay: "" }, ONE)).toBe(0);
    expect(delayMs({ ...timing, delay: "." }, ONE)).toBe(0);
    expect(delayMs({ ...timing, spread: true, hourlyLimit: 60 }, ONE)).toBe(60_000);
    expect(delayMs({ ...timing, delay: 1.5, delayUnit: "minutes" }, ONE)).toBe(90_000);
  });

  it("is spread by each mailbox's part of the campaign's limit", () => {
    const { timing } = EMPTY;
    const three = { leastLimit: 100, count: 3 };
    expect(delayMs({ ...timing, spread: true, hourlyLimit: 90 }, three)).toBe(120_000);
    expect(delayMs({ ...timing, spread: true, hourlyLimit: 900 }, three)).toBe(36_000);
  });

  it("names its list, and nothing that was left empty", () => {
    const columns = { hasHeader: true, email: 0, fields: ["email"] };
    const draft = written({ subject: "S", body: "B", html: "<p>x</p>" });
    expect(requestOf(draft, { named: { listId: 5, columns } }, ONE)).toEqual({
      subject: "S",
      body: "B",
      bodyHtml: null,
      language: null,
      unsubscribe: null,
      ifBlank: {},
      name: null,
      senderIds: null,
      startTime: null,
      latestAt: null,
      calendar: null,
      delayBetweenMs: 0,
      jitterPercent: 0,
      hourlyLimit: null,
      onUnknown: "hold",
      listId: 5,
      columns,
    });
  });

  it("names the senders that were chosen, whether or not they are known already", () => {
    const draft = written({ subject: "S" }, { senderIds: [7, 9] });
    expect(requestOf(draft, { named: null }, { leastLimit: undefined, count: 2 }).senderIds).toEqual([7, 9]);
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
    expect(testOf(draft, draft.steps[0].content, ada, "link")).toEqual({
      subject: "S",
      body: "B",
      bodyHtml: null,
      language: null,
      unsubscribe: "link",
      ifBlank: {},
      name: "Test: S",
      senderId: 7,
      fields: { name: "Ada" },
    });
  });
});
