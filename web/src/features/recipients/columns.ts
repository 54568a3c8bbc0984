/** The columns of a CSV file: which one is the address, and the merge fields that the others bring. */

import type { components } from "@/api/schema";
import { fieldName } from "./mergeFields";
import type { StoredList } from "./queries";

export type Columns = components["schemas"]["Columns"];

/** Errors of the names, by column. */
export function columnErrors({ email, fields }: Columns): Record<number, string> {
  const errors: Record<number, string> = {};
  fields.forEach((name, column) => {
    if (column === email || !name.trim()) return;
    const field = fieldName(name);
    if (!field) errors[column] = "Use letters or digits.";
    else if (field === "email") errors[column] = "That is the address. Take another name.";
    else if (fields.some((other, at) => at < column && at !== email && fieldName(other) === field)) {
      errors[column] = `There is another "${field}".`;
    }
  });
  return errors;
}

/** With another column of addresses: no other keeps a name that is the address's. */
export function withEmail(columns: Columns, email: number): Columns {
  const taken = new Set(columns.fields.map(fieldName));
  const free = (n: number): string => (taken.has(`email_${n}`) ? free(n + 1) : `email_${n}`);
  const fields = columns.fields.map((name, column) =>
    column !== email && fieldName(name) === "email" ? free(2) : name,
  );
  return { ...columns, email, fields };
}

/** How many rows of a file are recipients. */
export const rowsUnderHeader = ({ rows }: Pick<StoredList, "rows">, { hasHeader }: Columns): number =>
  rows - (hasHeader ? 1 : 0);

/** The merge fields that a row brings. */
export function rowFields(cells: readonly string[], { email, fields }: Columns): Record<string, string> {
  const named = fields.map((name, column) => [column === email ? "" : fieldName(name), cells[column] ?? ""]);
  return Object.fromEntries(named.filter(([name]) => name));
}
