import { describe, expect, it } from "vitest";
import { attemptAt, delayMs, EMPTY, fieldsOf, loadDraft, missing, saveDraft } from "./draft";

describe("a draft", () => {
  it("comes back as it was, for its user alone", () => {
    expect(saveDraft(1, { ...EMPTY, subject: "Hello" })).toBe(true);
    expect(loadDraft(1)?.draft).toEqual({ ...EMPTY, subject: "Hello" });
    expect(loadDraft(2)).toBeNull();
    saveDraft(1, EMPTY);
    expect(loadDraft(1)).toBeNull();
  });

  it("is spread by the lower of both limits", () => {
    expect(delayMs({ ...EMPTY, spread: true }, 100)).toBe(36_000);
    expect(delayMs({ ...EMPTY, delay: "1.5" }, 100)).toBe(1_500);
    expect(delayMs({ ...EMPTY, delay: "" }, 100)).toBe(0);
    expect(delayMs({ ...EMPTY, delay: "." }, 100)).toBe(0);
    expect(delayMs({ ...EMPTY, spread: true, hourlyLimit: 60 }, 100)).toBe(60_000);
    expect(delayMs({ ...EMPTY, delay: 1.5, delayUnit: "minutes" }, 100)).toBe(90_000);
  });

  it("leaves out what was left empty", () => {
    const fields = fieldsOf({ ...EMPTY, subject: "S", body: "B", html: "<p>x</p>" }, 100);
    expect(fields).toEqual({ subject: "S", body: "B", delayBetweenMs: "0", onUnknown: "hold" });
  });

  it("says what is missing", () => {
    expect(Object.keys(missing({ ...EMPTY, when: "later" }, 0))).toEqual([
      "subject",
      "body",
      "recipients",
      "startTime",
    ]);
  });

  it("keeps the key of an attempt for as long as the same is asked for", () => {
    const first = attemptAt("a", null);
    expect(attemptAt("a", first)).toBe(first);
    expect(attemptAt("b", first).key).not.toBe(first.key);
  });
});
