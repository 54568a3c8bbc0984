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

/** Whether a text was copied from a spreadsheet: lines of the same number of cells, with tabs between. */
export function isTable(text: string): boolean {
  const [first = "", ...others] = text.split(/\r\n|\r|\n/).filter((line) => line.trim());
  const tabs = (line: string) => line.split("\t").length;
  return (
    tabs(first) > 1 && others.length > 0 && others.slice(0, 20).every((line) => tabs(line) === tabs(first))
  );
}

/** A pasted list as CSV: names with addresses in angle brackets get a column, cells of a spreadsheet are cells already. */
export function csvOfPaste(text: string): string {
  if (text.includes("<") && !isTable(text)) {
    const rows = parseTyped(text).map(({ email, name }) => `${quoted(email)},${quoted(name ?? "")}`);
    return ["email,name", ...rows].join("\n");
  }
  return /[,;\t]/.test(text) ? text : `email\n${text}`;
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}

/** Recipients as they would be typed, one a line. */
export function typedText(recipients: readonly { email: string; name?: string }[]): string {
  return recipients.map(({ email, name }) => (name ? `${unbroken(name)} <${email}>` : email)).join("\n");
}

/** A name that is not parted where it has a comma in it. */
function unbroken(name: string): string {
  return /[,;\t<>"]/.test(name) ? `"${name.replaceAll('"', "'")}"` : name;
}
