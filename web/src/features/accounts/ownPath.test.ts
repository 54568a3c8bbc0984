import { expect, test } from "vitest";
import { ownPath } from "./ownPath";

test("a login leads to pages of our own alone", () => {
  expect(ownPath("/sent?q=x#y")).toBe("/sent?q=x#y");
  for (const foreign of ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "", 7]) {
    expect(ownPath(foreign)).toBeUndefined();
  }
});
