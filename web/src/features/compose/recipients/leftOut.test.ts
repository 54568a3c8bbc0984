import { expect, test } from "vitest";
import type { Plan } from "../queries";
import { unnamed } from "./leftOut";

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
