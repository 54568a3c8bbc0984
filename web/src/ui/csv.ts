/**
 * Lines of CSV as the API writes them for a spreadsheet: what one would take for a formula gets an apostrophe in front, after
 * a semicolon or the end of a line within a cell, too, where spreadsheets of half of Europe begin another.
 */
export function csvOf(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
}

function cell(text: string): string {
  const begun = /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  const safe = begun.replace(/([;\t\r\n])(?=[\s"]*[=+\-@])/g, "$1'");
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
