/**
 * A CSV of recipients, read in the browser: what is in it, which column is the address, and the same rows written
 * anew with the names chosen here. Rows keep their numbers, so that what the API says of a row is true of the file.
 *
 * Runs in a worker (csv.worker.ts).
 */

import Papa from "papaparse";
import { fieldName } from "./mergeFields";

/** `fields`: the merge field of each column, "" for one that is left out; that of the address does not count. */
export interface Mapping {
  hasHeader: boolean;
  email: number;
  fields: string[];
}

export interface CsvRow {
  /** As a spreadsheet counts. */
  row: number;
  cells: string[];
}

export interface Duplicate {
  row: number;
  email: string;
  /** Where the address is first. */
  first: number;
}

export interface Csv {
  encoding: string;
  mapping: Mapping;
  /** What the columns are called in the file, "" where it does not say. */
  headers: string[];
  /** Rows with content, the header aside. */
  rows: number;
  sample: CsvRow[];
  /** The first of the rows whose address stands in an earlier one. */
  duplicates: Duplicate[];
  /** The rows as the API takes them. */
  file: Blob;
}

/** The file cannot be understood; the message says why. */
export class CsvError extends Error {}

const SAMPLE = 500;
const SHOWN_DUPLICATES = 1_000;
const HEAD = 20;
const CHUNK = 5_000;
const DELIMITERS = [",", ";", "\t"];
const ADDRESS = /^\s*[^\s@,;]+@[^\s@,;]+\.[^\s@,;]+\s*$/;
const EMAIL_HEADER =
  /^((.*_)?(e_?)?mail(_?(address|adresse|addr|id))?(_1(_value|_address)?)?|courriel|correo(_electr[oó]nico)?|posta_elettronica)$/;

/** Without `mapping` it is guessed. `progress` is told which share of the file is done. Throws CsvError. */
export function readCsv(
  bytes: ArrayBuffer,
  mapping: Mapping | null,
  progress: (share: number) => void = () => undefined,
): Csv {
  const decoded = decode(bytes);
  const { encoding } = decoded;
  // A file put together from several may have several kinds of line ends; Papa Parse settles on one.
  const text = decoded.text.replace(/\r\n?/g, "\n");
  const head = Papa.parse<string[]>(text, {
    preview: HEAD,
    delimitersToGuess: DELIMITERS,
    newline: "\n",
    skipEmptyLines: "greedy",
  });
  const [first] = head.data;
  if (!first) throw new CsvError("The file is empty. It should have one recipient a row.");
  const used = mapping ?? guessMapping(head.data);
  const headers = first.map((cell) => (used.hasHeader ? cell.trim() : ""));
  const names = outputNames(used);
  const kept = used.fields.map((_, column) => column).filter((column) => names[column]);
  kept.sort((a, b) => Number(b === used.email) - Number(a === used.email));

  const sample: CsvRow[] = [];
  const duplicates: Duplicate[] = [];
  const seen = new Map<string, number>();
  const parts: string[] = [];
  let lines: string[] = used.hasHeader ? [] : [kept.map((column) => names[column]).join(",")];
  let headerIsDue = used.hasHeader;
  let row = 0;
  let rows = 0;

  Papa.parse<string[]>(text, {
    delimiter: head.meta.delimiter,
    newline: "\n",
    step: ({ data: cells, errors, meta }) => {
      row += 1;
      if (errors.some((error) => error.code === "MissingQuotes")) {
        throw new CsvError(`About row ${row} a quotation mark opens a cell and is never closed.`);
      }
      if (!cells.some((cell) => cell.trim())) {
        lines.push("");
      } else if (headerIsDue) {
        headerIsDue = false;
        lines.push(kept.map((column) => names[column]).join(","));
      } else {
        rows += 1;
        const beyond = cells.slice(headers.length);
        const written = kept.map((column) => quoted(cells[column] ?? ""));
        if (beyond.some((cell) => cell.trim())) written.push(...beyond.map(quoted)); // which the API refuses, and says so
        lines.push(written.join(","));
        if (sample.length < SAMPLE) sample.push({ row, cells });
        const email = (cells[used.email] ?? "").trim();
        const earlier = seen.get(email.toLowerCase());
        if (earlier === undefined) seen.set(email.toLowerCase(), row);
        else if (duplicates.length < SHOWN_DUPLICATES && ADDRESS.test(email)) {
          duplicates.push({ row, email, first: earlier });
        }
      }
      if (lines.length >= CHUNK) {
        parts.push(`${lines.join("\r\n")}\r\n`);
        lines = [];
        progress(meta.cursor / text.length);
      }
    },
  });
  parts.push(`${lines.join("\r\n")}\r\n`);
  return {
    encoding,
    mapping: used,
    headers,
    rows,
    sample,
    duplicates,
    file: new Blob(parts, { type: "text/csv" }),
  };
}

/** Which column is the address, and what the others are called. */
export function guessMapping(records: string[][]): Mapping {
  const [first = [], ...others] = records;
  const direct = first.findIndex((cell) => ADDRESS.test(cell));
  const hasHeader = direct === -1;
  const fields = first.map((cell, column) => (hasHeader && fieldName(cell)) || `column_${column + 1}`);
  let email = direct;
  if (hasHeader) {
    const addresses = first.map(
      (_, column) => others.filter((cells) => ADDRESS.test(cells[column] ?? "")).length,
    );
    const named = [fields.indexOf("email"), fields.findIndex((field) => EMAIL_HEADER.test(field))];
    const fullest = addresses.indexOf(Math.max(...addresses));
    email = named.find((column) => column >= 0 && (addresses[column] ?? 0) > 0) ?? fullest;
  }
  return { hasHeader, email, fields: unlike(fields, email) };
}

/** What is wrong with a mapping, by column. */
export function mappingErrors({ email, fields }: Mapping): Record<number, string> {
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

/** The merge fields that a row brings. */
export function rowFields(cells: readonly string[], mapping: Mapping): Record<string, string> {
  const fields: Record<string, string> = {};
  outputNames(mapping).forEach((name, column) => {
    if (name && column !== mapping.email) fields[name] = cells[column] ?? "";
  });
  return fields;
}

function outputNames({ email, fields }: Mapping): string[] {
  return fields.map((name, column) => (column === email ? "email" : fieldName(name)));
}

function unlike(fields: string[], email: number): string[] {
  const taken = new Set<string>(["email"]);
  return fields.map((field, column) => {
    if (column === email) return field;
    let name = field;
    for (let n = 2; taken.has(name); n++) name = `${field}_${n}`;
    taken.add(name);
    return name;
  });
}

function quoted(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** UTF-8 or UTF-16, as the file says, and Windows-1252 for what is neither. */
export function decode(bytes: ArrayBuffer): { text: string; encoding: string } {
  const [a, b] = new Uint8Array(bytes.slice(0, 2));
  const marked = a === 0xff && b === 0xfe ? "utf-16le" : a === 0xfe && b === 0xff ? "utf-16be" : "utf-8";
  try {
    return { text: new TextDecoder(marked, { fatal: true }).decode(bytes), encoding: marked.toUpperCase() };
  } catch {
    return { text: new TextDecoder("windows-1252").decode(bytes), encoding: "Windows-1252" };
  }
}
