// @vitest-environment jsdom
import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Draft, EMPTY } from "./draft";
import { load, save } from "./store";
import { useDraft } from "./useDraft";

const PLACE = "reachinbox.draft.1.4";
const named = (name: string): Draft => ({ ...EMPTY, name });

beforeEach(() => {
  localStorage.clear();
  vi.useFakeTimers();
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

type Tab = { current: ReturnType<typeof useDraft> };

const tab = (): Tab => renderHook(() => useDraft("1.4")).result;
const name = (tab: Tab, text: string) => act(() => tab.current.change({ kind: "name", name: text }));
const later = () => act(() => vi.advanceTimersByTime(1_000));

/** A save by another tab: the browser tells of it. */
function elsewhere(draft: Draft) {
  save("1.4", draft);
  act(() => void dispatchEvent(new StorageEvent("storage", { key: PLACE })));
}

describe("a draft", () => {
  it("is kept a moment after a change, and comes back", () => {
    name(tab(), "Spring");
    expect(load("1.4")?.draft).toBeNull();
    later();
    const again = tab();
    expect(again.current.draft.name).toBe("Spring");
    expect(again.current.restoredAt).toBeInstanceOf(Date);
  });

  it("is kept at once when the page is left", () => {
    name(tab(), "Spring");
    dispatchEvent(new Event("pagehide"));
    expect(load("1.4")?.draft?.name).toBe("Spring");
  });

  it("is the same in two tabs", () => {
    const here = tab();
    name(here, "Spring");
    later();
    const { origin } = here.current;
    elsewhere(named("Summer"));
    expect(here.current.draft.name).toBe("Summer");
    expect(here.current.origin).not.toBe(origin);
  });

  it("that another tab scheduled is gone here, and does not come back", () => {
    const here = tab();
    name(here, "Spring");
    later();
    elsewhere(EMPTY);
    expect(here.current.draft).toMatchObject(EMPTY);
    expect(here.current.gone).toBe(true);
    dispatchEvent(new Event("pagehide"));
    expect(load("1.4")?.draft).toBeNull();
    name(here, "Another");
    expect(here.current.gone).toBe(false);
  });

  it("that another tab scheduled is gone although something was typed here since", () => {
    const here = tab();
    name(here, "Spring");
    later();
    name(here, "Spring!");
    elsewhere(EMPTY);
    later();
    expect(load("1.4")?.draft).toBeNull();
  });

  it("that another tab scheduled is neither written nor sent by a tab that heard nothing of it", () => {
    const here = tab();
    name(here, "Spring");
    later();
    name(here, "Spring!");
    later();
    vi.advanceTimersByTime(1);
    save("1.4", EMPTY); // and no event comes, as to a page that sleeps
    let isOurs = true;
    act(() => {
      isOurs = here.current.changeNow({ kind: "name", name: "Spring?" });
    });
    expect(isOurs).toBe(false);
    expect(load("1.4")?.draft).toBeNull();
    expect(here.current).toMatchObject({ draft: EMPTY, gone: true });
    act(() => {
      isOurs = here.current.changeNow({ kind: "name", name: "Another" });
    });
    expect(isOurs).toBe(true);
    expect(load("1.4")?.draft?.name).toBe("Another");
  });

  it("that another tab went on with since is not written over by what is older", () => {
    const here = tab();
    name(here, "Spring");
    later();
    name(here, "Spring!");
    vi.setSystemTime(Date.now() + 60_000); // asleep meanwhile
    save("1.4", named("Summer"));
    later();
    expect(load("1.4")?.draft?.name).toBe("Summer");
    expect(here.current.draft.name).toBe("Summer");
  });

  it("keeps what was typed here when another tab saved an older one", () => {
    const here = tab();
    name(here, "Spring");
    elsewhere(named("Summer"));
    expect(here.current.draft.name).toBe("Spring");
    later();
    expect(load("1.4")?.draft?.name).toBe("Spring");
  });

  it("takes what happened while the browser had put the page aside", () => {
    const here = tab();
    name(here, "Spring");
    later();
    save("1.4", EMPTY);
    const shown = Object.assign(new Event("pageshow"), { persisted: true });
    act(() => void dispatchEvent(shown));
    expect(here.current.draft).toMatchObject(EMPTY);
  });

  it("that cannot be kept says so, and stays", () => {
    const here = tab();
    const full = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    name(here, "Spring");
    later();
    expect(here.current.kept).toBe(false);
    expect(here.current.draft.name).toBe("Spring");
    full.mockRestore();
    dispatchEvent(new Event("pagehide"));
    expect(load("1.4")?.draft?.name).toBe("Spring");
  });

  it("that was replaced is changed no more, by what was begun for it", () => {
    const here = tab();
    name(here, "Spring");
    later();
    const { change, changeNow, open, discard } = here.current;
    act(() => void open(named("Summer"), "restored"));
    expect(here.current).toMatchObject({ draft: { name: "Summer" }, kept: true });
    act(() => {
      change({ kind: "name", name: "Spring?" });
      expect(changeNow({ kind: "name", name: "Spring!" })).toBe(false);
      expect(open(named("Autumn"), "begun")).toBe(false);
      expect(discard()).toBe(false);
    });
    later();
    expect([here.current.draft.name, load("1.4")?.draft?.name]).toEqual(["Summer", "Summer"]);
  });

  it("is the same still when another tab has gone on with it, and another when that has opened one", () => {
    const here = tab();
    name(here, "Spring");
    later();
    const there = tab();
    name(there, "Spring!");
    later();
    const { changeNow } = here.current;
    act(() => void dispatchEvent(new StorageEvent("storage", { key: PLACE })));
    act(() => void expect(changeNow({ kind: "senders", senderIds: [7] })).toBe(true));
    expect(here.current.draft).toMatchObject({ name: "Spring!", senderIds: [7] });
    act(() => void dispatchEvent(new StorageEvent("storage", { key: PLACE })));
    act(() => void there.current.open(named("Summer"), "restored"));
    act(() => void dispatchEvent(new StorageEvent("storage", { key: PLACE })));
    act(() => void expect(changeNow({ kind: "senders", senderIds: [9] })).toBe(false));
    expect(here.current.draft).toMatchObject({ name: "Summer", senderIds: [] });
  });

  it("that was left and replaced since is changed no more", () => {
    const { result, unmount } = renderHook(() => useDraft("1.4"));
    name(result, "Spring");
    later();
    const { changeNow, discard } = result.current;
    unmount();
    expect(changeNow({ kind: "senders", senderIds: [7] })).toBe(true); // as by a request that ends only now
    expect(load("1.4")?.draft?.senderIds).toEqual([7]);
    const there = tab();
    act(() => void there.current.open(named("Summer"), "restored"));
    expect(changeNow({ kind: "senders", senderIds: [9] })).toBe(false);
    expect(discard()).toBe(false);
    expect(load("1.4")?.draft).toMatchObject({ name: "Summer", senderIds: [] });
  });

  it("is opened although the browser has no room for it", () => {
    const here = tab();
    name(here, "Spring");
    later();
    const full = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    act(() => void here.current.open(named("Summer"), "restored"));
    expect(here.current).toMatchObject({ draft: { name: "Summer" }, kept: false });
    full.mockRestore();
    dispatchEvent(new Event("pagehide"));
    expect(load("1.4")?.draft?.name).toBe("Summer");
  });

  it("that nobody has begun is the same in all tabs: what is on its way in one comes to what another begins", () => {
    const here = tab();
    const there = tab();
    const { changeNow } = here.current; // as of an upload
    name(there, "Spring");
    later();
    act(() => void dispatchEvent(new StorageEvent("storage", { key: PLACE })));
    act(() => void expect(changeNow({ kind: "audience", part: { source: "file", file: 5 } })).toBe(true));
    expect(here.current.draft).toMatchObject({ name: "Spring", audience: { file: 5 } });
    act(() => void here.current.discard());
    act(() => void expect(changeNow({ kind: "name", name: "Late" })).toBe(false)); // another one begins
    expect(tab().current.draft.identity).toBe(here.current.draft.identity);
  });

  it("is dropped when it is discarded", () => {
    const here = tab();
    name(here, "Spring");
    later();
    act(() => void here.current.discard());
    expect(here.current).toMatchObject({ draft: EMPTY, gone: false, restoredAt: null });
    expect(load("1.4")?.draft).toBeNull();
  });
});
