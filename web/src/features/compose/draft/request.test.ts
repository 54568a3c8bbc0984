import { describe, expect, it } from "vitest";
import { type Content, type Draft, EMPTY } from "./draft";
import { delayMs, fieldsOf, missing, testFields } from "./request";

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

  it("leaves out what was left empty", () => {
    const fields = fieldsOf(written({ subject: "S", body: "B", html: "<p>x</p>" }), 100);
    expect(fields).toEqual({ subject: "S", body: "B", delayBetweenMs: "0", onUnknown: "hold" });
  });

  it("names the sender that was chosen, whether or not it is known already", () => {
    expect(fieldsOf(written({ subject: "S" }, { senderIds: [7] }), undefined).senderId).toBe("7");
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
    expect(testFields(draft, draft.steps[0].content)).toEqual({
      subject: "S",
      body: "B",
      name: "Test: S",
      senderId: "7",
    });
  });
});
