import { skipToken, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { keys } from "@/api/keys";
import { ApiProblem, sentence } from "@/api/problem";
import type { Columns } from "./columns";
import { removeList, uploadFile } from "./commands";
import { listQuery, type StoredList } from "./queries";

const MOST_BYTES = 199_000_000; // of the API's 200 MB, which the form around it shares

/** The choice as it is kept: the list that the file has become, and its columns, null as they were found. */
export interface Chosen {
  file: number | null;
  columns: Columns | null;
}

export interface ListFile {
  list: StoredList | null;
  /** The name of the file that is on its way. */
  uploading: string | null;
  /** The list that was uploaded before is no longer kept. */
  gone: boolean;
  error: string | null;
  choose: (file: File) => void;
  /** Reads the same file in another encoding; null where this page no longer has it. */
  reread: ((encoding: string) => void) | null;
  remove: () => void;
}

/** A file of recipients: uploaded when it is chosen, a list from then on. */
export function useFile(id: number | null, keep: (chosen: Chosen) => void): ListFile {
  const queries = useQueryClient();
  const asked = listQuery(id ?? 0);
  const { data, error: unread } = useQuery(id === null ? { ...asked, queryFn: skipToken } : asked);
  const [uploading, setUploading] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const upload = useRef<AbortController | null>(null);
  useEffect(() => () => upload.current?.abort(), []); // what it was chosen for is here no more
  const [chosen, setChosen] = useState<{ file: File; list: number } | null>(null);

  const stop = () => {
    upload.current?.abort();
    upload.current = null;
    setUploading(null);
    setError(null);
  };

  const choose = async (file: File, encoding?: string) => {
    stop();
    if (file.size > MOST_BYTES) {
      setError("The file is larger than 199 MB. Make it several campaigns.");
      return;
    }
    const abort = new AbortController();
    upload.current = abort;
    setUploading(file.name);
    try {
      const list = await uploadFile(file, abort.signal, encoding);
      if (abort.signal.aborted) return void removeList(list.id);
      queries.setQueryData(keys.lists.one(list.id), list);
      keep({ file: list.id, columns: null });
      if (id !== null) void removeList(id);
      setUploading(null);
      setChosen({ file, list: list.id });
    } catch (failure) {
      if (abort.signal.aborted) return;
      setUploading(null);
      const why =
        failure instanceof ApiProblem ? (failure.errors.file ?? failure.errors.encoding) : undefined;
      setError(sentence(why ? new Error(why) : failure));
    }
  };

  const remove = () => {
    stop();
    keep({ file: null, columns: null });
    if (id !== null) void removeList(id);
  };

  const gone = unread instanceof ApiProblem && unread.status === 404;
  return {
    list: (id !== null && data) || null,
    uploading,
    gone,
    error: error ?? (unread && !gone ? sentence(unread) : null),
    choose: (file) => void choose(file),
    reread: chosen?.list === id && chosen ? (encoding) => void choose(chosen.file, encoding) : null,
    remove,
  };
}
