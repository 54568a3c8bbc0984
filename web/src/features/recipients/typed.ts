/** Recipients as people type and paste them: a line or a comma apart, `Ada <ada@example.com>` among them. */

export interface TypedRecipient {
  line: number;
  email: string;
  name?: string;
}

const NAMED = /^(.*)<([^<>]*)>$/s;

export function parseTyped(text: string): TypedRecipient[] {
  return text.split(/\r\n|\r|\n/).flatMap((content, index) =>
    entries(content).map((entry) => {
      const named = NAMED.exec(entry);
      const name = named?.[1]?.trim().replace(/^"(.*)"$/, "$1");
      const email = (named?.[2] ?? entry).trim();
      return name ? { line: index + 1, email, name } : { line: index + 1, email };
    }),
  );
}

/** Parted by commas, semicolons and tabs that are not within quotation marks or angle brackets. */
function entries(line: string): string[] {
  const found = line.match(/(?:"[^"]*"|<[^>]*>|[^,;\t])+/g) ?? [];
  return found.map((entry) => entry.trim()).filter(Boolean);
}

/** Those whose address is in an earlier one. */
export function typedDuplicates(recipients: readonly TypedRecipient[]) {
  const seen = new Map<string, number>();
  return recipients.flatMap(({ email, line }) => {
    const first = seen.get(email.toLowerCase());
    if (first !== undefined) return [{ row: line, email, first }];
    seen.set(email.toLowerCase(), line);
    return [];
  });
}

/** A pasted list as CSV: names with addresses in angle brackets get a column, cells of a spreadsheet are cells already. */
export function csvOfPaste(text: string): string {
  if (text.includes("<")) {
    const rows = parseTyped(text).map(({ email, name }) => `${quoted(email)},${quoted(name ?? "")}`);
    return ["email,name", ...rows].join("\n");
  }
  return /[,;\t]/.test(text) ? text : `email\n${text}`;
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}
