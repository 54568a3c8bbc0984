import { expect, test } from "vitest";
import { covers } from "./words";

test("a role may do what those below it may, and no more", () => {
  expect(covers("owner", "viewer")).toBe(true);
  expect(covers("member", "member")).toBe(true);
  expect(covers("member", "owner")).toBe(false);
  expect(covers("viewer", "member")).toBe(false);
});
