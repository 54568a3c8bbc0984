import { expect, test } from "vitest";
import { leftOutCsv } from "./leftOutCsv";

test("the file says what it does not have", () => {
  const rows = [{ row: 7, email: "nobody", reason: "has no @" }];
  expect(leftOutCsv(rows, [])).toBe("row,email,reason\r\n7,nobody,has no @\r\n");
  expect(leftOutCsv(rows, ["2,120 duplicates"])).toBe(
    'row,email,reason\r\n7,nobody,has no @\r\n,,"Not in this file: 2,120 duplicates more."\r\n',
  );
});
