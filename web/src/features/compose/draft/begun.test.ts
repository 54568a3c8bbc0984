// @vitest-environment jsdom
import { renderHook } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";
import { stored, useBegun } from "./begun";

const PLACE = "reachinbox.draft.1.2.server";
const attempt = { key: "k", print: "p" };
const page = (owner = "1.2") => renderHook(() => useBegun(owner)).result.current;

beforeEach(() => localStorage.clear());

it("knows of each draft what it began with, for its person and workspace alone", () => {
  const { begunWith, remember } = page();
  expect(begunWith(3)).toEqual({ id: 3, version: 0, sent: [], attempt: null });
  remember({ id: 3, version: 4, sent: ["a-1"], attempt });
  remember({ id: 5, version: 1, sent: [], attempt: null });
  expect(page().begunWith(3)).toEqual({ id: 3, version: 4, sent: ["a-1"], attempt });
  expect(page().begunWith(5).version).toBe(1);
  expect(page("1.3").begunWith(3).version).toBe(0);
});

it("keeps those that were here last", () => {
  const { remember } = page();
  for (let id = 1; id <= 40; id++) remember({ id, version: 1, sent: [], attempt: null });
  const ids = stored("1.2").map(({ id }) => id);
  expect([ids.length, ids.at(0), ids.at(-1)]).toEqual([30, 11, 40]);
});

it("is known to the page where the browser keeps nothing", () => {
  const full = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  const { begunWith, remember } = page();
  remember({ id: 3, version: 4, sent: [], attempt });
  expect(begunWith(3)).toEqual({ id: 3, version: 4, sent: [], attempt });
  full.mockRestore();
});

it("reads what earlier pages kept, and nothing that cannot be understood", () => {
  localStorage.setItem(PLACE, JSON.stringify({ id: 3, version: 4, name: "Spring" }));
  expect(stored("1.2")).toEqual([{ id: 3, version: 4, sent: [], attempt: null }]);
  for (const text of ["{", "null", "7", '["a", null, {"id": "3"}]']) {
    localStorage.setItem(PLACE, text);
    expect(stored("1.2")).toEqual([]);
  }
});
