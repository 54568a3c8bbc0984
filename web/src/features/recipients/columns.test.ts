import { expect, it } from "vitest";
import { columnErrors, rowFields, withEmail } from "./columns";

it("tells what is wrong with names", () => {
  const columns = { hasHeader: true, email: 0, fields: ["x", "A b", "a_b", "email", "--", ""] };
  expect(Object.keys(columnErrors(columns))).toEqual(["2", "3", "4"]);
});

it("leaves out the address and what has no name", () => {
  const columns = { hasHeader: true, email: 1, fields: ["", "mail", "Last one", "short"] };
  expect(rowFields(["x", "y@example.com", "z"], columns)).toEqual({ last_one: "z", short: "" });
});

it("gives a column that is no longer the address a name of its own", () => {
  const columns = { hasHeader: true, email: 0, fields: ["email", "work_email", "email_2"] };
  const changed = withEmail(columns, 1);
  expect(changed).toEqual({ hasHeader: true, email: 1, fields: ["email_3", "work_email", "email_2"] });
  expect(columnErrors(changed)).toEqual({});
});
