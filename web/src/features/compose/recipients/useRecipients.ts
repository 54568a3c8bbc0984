import { useMemo } from "react";
import { type Columns, columnErrors, rowFields } from "@/features/recipients/columns";
import type { Audience } from "../draft/draft";
import type { ListFile } from "./useFile";
import type { Typed } from "./useTyped";

export interface Recipient {
  email: string;
  fields: Record<string, string>;
}

export interface Recipients {
  /** How many are given, duplicates and wrong ones among them. */
  count: number;
  /** Merge fields that they bring, besides `email`. */
  fields: string[];
  /** The first of them, for the preview. */
  sample: Recipient[];
  /** As a request names them; null until they are a list. */
  named: { listId: number; columns: Columns | null } | null;
  /** Tells these recipients from others, also after a reload. */
  identity: string;
  /** On their way to the server, or not to be understood. */
  settled: boolean;
  /** What rows are called here, and which one the API's row is. */
  rowWord: "Line" | "Row";
  rowOf: (apiRow: number) => number;
}

type Made = Pick<Recipients, "count" | "fields" | "sample" | "settled" | "rowWord" | "rowOf">;

const NO_FIELDS: Record<string, string> = {};

/** Who gets the draft, from either source. */
export function useRecipients(audience: Audience, typed: Typed, file: ListFile): Recipients {
  const { source, columns } = audience;
  const listId = source === "file" ? audience.file : audience.typed;
  const fromText = useMemo(() => ofText(typed.recipients), [typed.recipients]);
  const fromFile = useMemo(() => ofFile(file.list, columns), [file.list, columns]);
  const made = source === "file" ? fromFile : fromText;
  const named = useMemo(
    () => (listId === null ? null : { listId, columns: source === "file" ? columns : null }),
    [listId, columns, source],
  );
  const isUploaded = source === "file" ? file.uploading === null : typed.isSettled;
  return {
    ...made,
    named,
    identity: JSON.stringify(named),
    settled: made.settled && named !== null && isUploaded,
  };
}

function ofText(recipients: Typed["recipients"]): Made {
  return {
    count: recipients.length,
    fields: recipients.some(({ name }) => name) ? ["name"] : [],
    sample: recipients.map(({ email, name }) => ({ email, fields: name ? { name } : NO_FIELDS })),
    settled: true,
    rowWord: "Line",
    rowOf: (row) => recipients[row - 1]?.line ?? row,
  };
}

function ofFile(list: ListFile["list"], wanted: Columns | null): Made {
  const columns = wanted ?? list?.csv?.columns;
  if (!list?.csv || !columns) {
    return { count: 0, fields: [], sample: [], settled: false, rowWord: "Row", rowOf: (row) => row };
  }
  const first = columns.hasHeader ? list.csv.first.slice(1) : list.csv.first;
  const sample = first.map(({ cells }) => ({
    email: (cells[columns.email] ?? "").trim(),
    fields: rowFields(cells, columns),
  }));
  return {
    count: list.rows - (columns.hasHeader ? 1 : 0),
    fields: Object.keys(rowFields([], columns)),
    sample,
    settled: Object.keys(columnErrors(columns)).length === 0,
    rowWord: "Row",
    rowOf: (row) => row,
  };
}
