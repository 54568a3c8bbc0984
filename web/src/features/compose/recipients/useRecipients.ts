import { skipToken, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Columns, columnErrors, rowFields, rowsUnderHeader } from "@/features/recipients/columns";
import {
  type Condition,
  type SavedList,
  savedListsQuery,
  savedSampleQuery,
} from "@/features/recipients/queries";
import type { ListFile } from "@/features/recipients/useFile";
import type { Audience } from "../draft/draft";
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
  named: Named | null;
  /** Tells these recipients from others, also after a reload. */
  identity: string;
  /** On their way to the server, or not to be understood. */
  settled: boolean;
  /** The word for rows here, and which one the API's row is. */
  rowWord: "Line" | "Row";
  rowOf: (apiRow: number) => number;
}

/** With what was said about them, where something was. */
type Named = ({ listId: number; columns: Columns | null } | { savedListId: number; filter: Condition[] }) & {
  everyAddress?: true;
  correctDomains?: Record<string, string>;
};

type Made = Pick<Recipients, "count" | "fields" | "sample" | "settled" | "rowWord" | "rowOf">;

const NO_FIELDS: Record<string, string> = {};

/** The recipients of the draft, from either source. */
export function useRecipients(audience: Audience, typed: Typed, file: ListFile): Recipients {
  const { source, columns } = audience;
  const listId = source === "file" ? audience.file : audience.typed;
  const fromText = useMemo(() => ofText(typed.recipients), [typed.recipients]);
  const fromFile = useMemo(() => ofFile(file.list, columns), [file.list, columns]);
  const fromSaved = useSaved(audience);
  const made = { typed: fromText, file: fromFile, saved: fromSaved }[source];
  const named = useMemo(() => {
    const of =
      source === "saved"
        ? audience.saved !== null && { savedListId: audience.saved, filter: audience.filter }
        : listId !== null && { listId, columns: source === "file" ? columns : null };
    return of ? { ...of, ...said(audience) } : null;
  }, [listId, columns, source, audience]);
  const isUploaded = { typed: typed.isSettled, file: file.uploading === null, saved: true }[source];
  return {
    ...made,
    named,
    identity: JSON.stringify(named),
    settled: made.settled && named !== null && isUploaded,
  };
}

function said({ everyAddress, corrections }: Audience) {
  return {
    ...(everyAddress && { everyAddress: true as const }),
    ...(Object.keys(corrections).length > 0 && { correctDomains: corrections }),
  };
}

function useSaved({ source, saved, filter }: Audience): Made {
  const isAsked = source === "saved" && saved !== null;
  const lists = savedListsQuery();
  const { data } = useQuery(isAsked ? lists : { ...lists, queryFn: skipToken });
  const first = savedSampleQuery(saved ?? 0);
  const { data: page } = useQuery(isAsked ? first : { ...first, queryFn: skipToken });
  const list: SavedList | undefined = data?.items.find(({ id }) => id === saved);
  const isComplete = filter.every(({ is, values }) => is === "empty" || is === "filled" || values.length > 0);
  return {
    count: list?.recipients ?? 0,
    fields: list?.fields ?? [],
    sample: page?.items ?? [],
    settled: list !== undefined && isComplete,
    rowWord: "Row",
    rowOf: (row) => row,
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
    count: rowsUnderHeader(list, columns),
    fields: Object.keys(rowFields([], columns)),
    sample,
    settled: Object.keys(columnErrors(columns)).length === 0,
    rowWord: "Row",
    rowOf: (row) => row,
  };
}
