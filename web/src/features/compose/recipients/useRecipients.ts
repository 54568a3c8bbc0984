import { useDeferredValue, useMemo, useRef } from "react";
import { type Csv, type Duplicate, type Mapping, mappingErrors, rowFields } from "@/features/recipients/csv";
import { parseTyped, typedDuplicates } from "@/features/recipients/typed";
import type { Recipient, RecipientSource } from "../campaignRequest";
import type { Audience } from "../draft/draft";
import type { CsvFile } from "./useCsvFile";

export interface Recipients {
  /** How many are given, duplicates and wrong ones among them. */
  count: number;
  /** Merge fields that they bring, besides `email`. */
  fields: string[];
  /** The first of them, for the preview. */
  sample: Recipient[];
  duplicates: Duplicate[];
  source: RecipientSource;
  /** Another with each change of what would be sent. */
  version: number;
  /** Tells these recipients from others, also after a reload. */
  identity: string;
  /** Still being read, or not to be understood. */
  settled: boolean;
  /** What rows are called here, and which one the API's row is. */
  rowWord: "Line" | "Row";
  rowOf: (apiRow: number) => number;
}

/** Counted over all visits to the page: answers about the recipients of an earlier one are still in the cache. */
let versions = 0;

const NO_FIELDS: Record<string, string> = {};

type Made = Omit<Recipients, "version">;

const NONE: Made = {
  count: 0,
  fields: [],
  sample: [],
  duplicates: [],
  source: [],
  identity: "",
  settled: false,
  rowWord: "Row",
  rowOf: (row) => row,
};

/** Who gets the draft, from either source. */
export function useRecipients(audience: Audience, file: CsvFile): Recipients {
  const typed = useDeferredValue(audience.typed);
  const fromText = useMemo(() => ofText(typed), [typed]);
  const { csv, file: chosen } = file;
  const isRead = file.share === null && file.error === null;
  const { mapping } = audience;
  const fromFile = useMemo(() => ofFile(csv, chosen, mapping, isRead), [csv, chosen, mapping, isRead]);
  const made = audience.source === "file" ? fromFile : fromText;
  const version = useRef(0);
  const last = useRef<Made>(NONE);
  if (last.current.source !== made.source) {
    versions += 1;
    version.current = versions;
  }
  last.current = made;
  const isTyping = audience.source === "typed" && typed !== audience.typed;
  return { ...made, settled: made.settled && !isTyping, version: version.current };
}

function ofText(text: string): Made {
  const parsed = parseTyped(text);
  const source = parsed.map(
    ({ email, name }): Record<string, string> => (name ? { email, name } : { email }),
  );
  return {
    count: parsed.length,
    fields: parsed.some(({ name }) => name) ? ["name"] : [],
    sample: parsed.map(({ email, name }) => ({ email, fields: name ? { name } : NO_FIELDS })),
    duplicates: typedDuplicates(parsed),
    source,
    identity: JSON.stringify(source),
    settled: true,
    rowWord: "Line",
    rowOf: (row) => parsed[row - 1]?.line ?? row,
  };
}

function ofFile(csv: Csv | null, file: File | null, wanted: Mapping | null, isRead: boolean): Made {
  if (!csv || !file) return NONE;
  const { mapping } = csv;
  const isMapped = !wanted || Object.keys(mappingErrors(wanted)).length === 0;
  const sample = csv.sample.map(({ cells }) => ({
    email: (cells[mapping.email] ?? "").trim(),
    fields: rowFields(cells, mapping),
  }));
  return {
    count: csv.rows,
    fields: Object.keys(sample[0]?.fields ?? {}),
    sample,
    duplicates: csv.duplicates,
    source: csv.file,
    identity: JSON.stringify([file.name, file.size, file.lastModified, mapping]),
    settled: isRead && isMapped,
    rowWord: "Row",
    rowOf: (row) => (mapping.hasHeader ? row : row - 1), // the file we send has a header in any case
  };
}
