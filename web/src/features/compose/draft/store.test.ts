// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { type Draft, EMPTY } from "./draft";
import { dropAllOf } from "./place";
import { drop, load, save } from "./store";

const PLACE = "reachinbox.draft.1.4";
const HELLO: Draft = { ...EMPTY, name: "Hello" };

beforeEach(() => localStorage.clear());

describe("a draft", () => {
  it("comes back as it was, for its person and workspace alone, until it is dropped", () => {
    expect(save("1.4", HELLO)).toMatchObject({ draft: HELLO });
    expect(load("1.4")?.draft).toEqual(HELLO);
    expect(load("1.5")).toBeNull();
    drop("1.4");
    expect(load("1.4")?.draft).toBeNull();
  });

  it("goes with its person, from all workspaces", () => {
    for (const owner of ["1.4", "1.5", "11.4"]) save(owner, HELLO);
    dropAllOf(1);
    expect(["1.4", "1.5", "11.4"].map(load).map(Boolean)).toEqual([false, false, true]);
  });

  it("is not kept while it is empty", () => {
    save("1.4", HELLO);
    save("1.4", EMPTY);
    expect(load("1.4")?.draft).toBeNull();
  });

  it("of another version, or broken in any part, is dropped", () => {
    save("1.4", HELLO);
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
      { ...kept, draft: { ...HELLO, keptAs: "5" } },
    ];
    for (const text of ["{", ...broken.map((each) => JSON.stringify(each))]) {
      localStorage.setItem(PLACE, text);
      expect(load("1.4")).toBeNull();
      expect(localStorage.getItem(PLACE)).toBeNull();
    }
  });

  it("of an earlier page is the workspace's that lay beside it", () => {
    const { keptAs: _, ...earlier } = HELLO;
    save("1.4", earlier);
    expect(load("1.4")?.draft?.keptAs).toBeNull();
    localStorage.setItem(`${PLACE}.server`, JSON.stringify({ id: 3, version: 4, name: "Hello" }));
    expect(load("1.4")?.draft?.keptAs).toBe(3);
    save("1.4", HELLO);
    expect(load("1.4")?.draft?.keptAs).toBeNull();
  });

  it("comes back with what was half typed", () => {
    const typing: Draft = { ...HELLO, timing: { ...EMPTY.timing, delay: "1." } };
    save("1.4", typing);
    expect(load("1.4")?.draft).toEqual(typing);
  });
});
