import { csvOf } from "@/ui/csv";

export interface LeftOutRow {
  row: number;
  email: string;
  reason: string;
}

const HEADER = ["row", "email", "reason"];

/** To be mended in a spreadsheet. The end of the file says what is not in it, so that nobody takes it for all. */
export function leftOutCsv(rows: readonly LeftOutRow[], unnamed: readonly string[]): string {
  const named = rows.map(({ row, email, reason }) => [String(row), email, reason]);
  const more = unnamed.map((text) => ["", "", `Not in this file: ${text} more.`]);
  return csvOf([HEADER, ...named, ...more]);
}
