import { expect, test } from "vitest";
import type { Plan } from "../queries";
import { leftOutSince, unnamed } from "./leftOut";

const duplicateRows = Array.from({ length: 1000 }, (_, n) => ({
  row: n + 2,
  email: "a@example.com",
  first: 1,
}));
const plan = { duplicates: 0, suppressed: 0, earlier: 0, duplicateRows: [], rejected: [] } as unknown as Plan;

test("what the API does not name is said by kind", () => {
  expect(unnamed(plan)).toEqual([]);
  const suppressedRows = [{ row: 1, email: "b@example.com", reason: "unsubscribed" }];
  const many = { ...plan, duplicates: 3120, duplicateRows, suppressed: 1, suppressedRows, earlier: 1 };
  expect(unnamed(many)).toEqual(["2,120 duplicates", "1 who were written to before"]);
});

test("who is left out of what was scheduled, and was not to be", () => {
  const rejected = [{ row: 2, email: "b@example.com", reason: "The subject would be too long." }];
  const suppressedRows = [{ row: 1, email: "a@example.com", reason: "unsubscribed" }];
  const rows = { rowOf: (row: number) => row * 10, rowWord: "Line" as const };
  expect(leftOutSince({ ...plan, rejected }, { rejected, suppressedRows }, rows)).toEqual([
    { row: 10, email: "a@example.com", reason: "Unsubscribed." },
  ]);
});
