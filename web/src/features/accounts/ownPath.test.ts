// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { ownPath } from "./ownPath";

afterEach(() => vi.unstubAllGlobals());

test("browsers without URL.parse are led on as well", () => {
  vi.stubGlobal("URL", Object.assign(class extends URL {}, { parse: undefined }));
  expect(ownPath("/sent?q=x#y")).toBe("/sent?q=x#y");
  expect(ownPath("//elsewhere.example")).toBeUndefined();
});

test("a login leads to pages of our own alone", () => {
  expect(ownPath("/sent?q=x#y")).toBe("/sent?q=x#y");
  for (const foreign of ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "", 7]) {
    expect(ownPath(foreign)).toBeUndefined();
  }
});

test("what becomes an address of somebody else once its dots are gone is none of ours", () => {
  const foreign = ["/.//evil.example", "/..//evil.example", "/%2e//evil.example", "/a/..//evil.example"];
  for (const path of [...foreign, "/.\\/evil.example", "/.\t//evil.example"])
    expect(ownPath(path), path).toBeUndefined();
  expect(ownPath("/a/./b?next=//x")).toBe("/a/b?next=//x");
});
