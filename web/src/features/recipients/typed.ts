/** Recipients as people type and paste them: a line, a comma or a blank apart, `Ada <ada@example.com>` among them. */

export interface TypedRecipient {
  line: number;
  email: string;
  name?: string;
}

const NAMED = /^(.*)<([^<>]*)>$/s;
/** A word with something on either side of its @, as far as one can tell an address without knowing all of them. */
const ADDRESS = /[^\s@]@[^\s@]/;
/** A name in quotation marks, whatever is in it. */
const PHRASE = /^"[^"]*\s[^"]*"$/;

export function parseTyped(text: string): TypedRecipient[] {
  return text.split(/\r\n|\r|\n/).flatMap((content, index) =>
    entries(content)
      .flatMap(people)
      .flatMap(named)
      .map((person) => ({ line: index + 1, ...person })),
  );
}

/** Parted by commas, semicolons and tabs that are not within quotation marks or angle brackets. */
function entries(line: string): string[] {
  return trimmed(line.match(/(?:"[^"]*"|<[^<>]*>|[^,;\t，；、])+/g) ?? []);
}

/**
 * Those of an entry, each of which ends with its address; what follows the last one belongs to it. An address before
 * another one in angle brackets is that one's name only where both are the same, as mail programs write them.
 */
function people(entry: string): string[] {
  const words = entry.match(/\s+|<[^<>]*>|(?:"[^"]*"|[^\s<]|<(?![^<>]*>))+/g) ?? [];
  const found: string[] = [];
  let begun = "";
  words.forEach((word, at) => {
    begun += word;
    const next = words[at + 1]?.trim() || words[at + 2];
    if (!ADDRESS.test(word) || PHRASE.test(word) || (next?.startsWith("<") && isSame(word, next))) return;
    found.push(begun);
    begun = "";
  });
  if (found.length === 0) return trimmed([begun]);
  found[found.length - 1] += begun;
  return trimmed(found);
}

/** With a name from in front of the brackets; the addresses in them, which may be several. */
function named(entry: string): { email: string; name?: string }[] {
  const [, before = "", within] = NAMED.exec(entry) ?? [];
  if (within === undefined) return [{ email: entry }];
  const name = before.trim().replace(/^"(.*)"$/, "$1");
  const several = trimmed(within.split(/[\s,;]+/));
  const emails = several.every((each) => ADDRESS.test(each)) ? several : [within.trim()];
  return emails.map((email) => (name && !isSame(name, email) ? { email, name } : { email }));
}

/** Whether two addresses are one, whatever mail programs put around them. */
function isSame(one: string, other: string): boolean {
  const bare = (text: string) => text.replace(/^[<'"\s]*(?:mailto:)?|[>'"\s]+$/gi, "").toLowerCase();
  return bare(one) === bare(other);
}

const trimmed = (texts: readonly string[]) => texts.map((text) => text.trim()).filter(Boolean);

/** Whether a text was copied from a spreadsheet: lines of the same number of cells, with tabs between. */
export function isTable(text: string): boolean {
  const [first = "", ...others] = text.split(/\r\n|\r|\n/).filter((line) => line.trim());
  const tabs = (line: string) => line.split("\t").length;
  return (
    tabs(first) > 1 && others.length > 0 && others.slice(0, 20).every((line) => tabs(line) === tabs(first))
  );
}

/** A pasted list as CSV: people get columns of their own, cells of a spreadsheet are cells already. */
export function csvOfPaste(text: string): string {
  if (isTable(text)) return text;
  const found = parseTyped(text);
  const isCsv =
    /[,;\t]/.test(text) && !text.includes("<") && !found.every(({ email }) => email.includes("@"));
  if (isCsv) return text;
  const isNamed = found.some(({ name }) => name);
  const rows = found.map(({ email, name = "" }) => (isNamed ? [email, name] : [email]).map(quoted).join(","));
  return [isNamed ? "email,name" : "email", ...rows].join("\n");
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
