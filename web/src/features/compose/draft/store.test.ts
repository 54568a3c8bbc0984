import { beforeEach, describe, expect, it } from "vitest";
import { type Draft, EMPTY } from "./draft";
import { drop, load, save } from "./store";

const PLACE = "reachinbox.draft.1.7";
const HELLO: Draft = { ...EMPTY, name: "Hello" };

beforeEach(() => localStorage.clear());

describe("a draft", () => {
  it("comes back as it was, for its user alone, until it is dropped", () => {
    expect(save("1.7", HELLO)).toBe(true);
    expect(load("1.7")?.draft).toEqual(HELLO);
    expect(load("2.7")).toBeNull();
    drop("1.7");
    expect(load("1.7")).toBeNull();
  });

  it("is not kept while it is empty", () => {
    save("1.7", HELLO);
    save("1.7", EMPTY);
    expect(localStorage.getItem(PLACE)).toBeNull();
  });

  it("of another version, or broken in any part, is dropped", () => {
    save("1.7", HELLO);
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? "");
    const broken: unknown[] = [
      null,
      "text",
      { draft: { subject: "of an earlier version" }, savedAt: kept.savedAt },
      { ...kept, v: 99 },
      { ...kept, savedAt: "never" },
      { ...kept, draft: { ...HELLO, steps: [] } },
      { ...kept, draft: { ...HELLO, steps: [{ id: "first" }] } },
      { ...kept, draft: { ...HELLO, audience: { ...HELLO.audience, source: "thin air" } } },
      { ...kept, draft: { ...HELLO, timing: { ...HELLO.timing, delay: null } } },
      { ...kept, draft: { ...HELLO, senderIds: ["7"] } },
    ];
    for (const text of ["{", ...broken.map((each) => JSON.stringify(each))]) {
      localStorage.setItem(PLACE, text);
      expect(load("1.7")).toBeNull();
      expect(localStorage.getItem(PLACE)).toBeNull();
    }
  });

  it("comes back with what was half typed", () => {
    const typing: Draft = { ...HELLO, timing: { ...EMPTY.timing, delay: "1." } };
    save("1.7", typing);
    expect(load("1.7")?.draft).toEqual(typing);
  });
});
