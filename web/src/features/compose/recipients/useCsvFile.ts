import { useCallback, useEffect, useRef, useState } from "react";
import { type Csv, type Mapping, mappingErrors } from "@/features/recipients/csv";
import { readCsvFile } from "@/features/recipients/readCsvFile";
import type { Audience } from "../draft/draft";
import { dropFile, keepFile, keptFile } from "../draft/draftFile";

const MOST_BYTES = 190_000_000; // of the API's 200 MB, which the texts share
const RENAME_MS = 400;

/** The chosen CSV of a draft: kept in this browser, read in a worker, again when its mapping changes. */
export function useCsvFile(userId: number, audience: Audience, change: (part: Partial<Audience>) => void) {
  const [file, setFile] = useState<File | null>(null);
  const [csv, setCsv] = useState<Csv | null>(null);
  const [share, setShare] = useState<number | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [kept, setKept] = useState(true);
  const [lost, setLost] = useState(false);
  const wanted = useRef(audience.fileName);

  useEffect(() => {
    if (!wanted.current) return;
    let left = false;
    void keptFile(userId).then((found) => {
      if (left || !wanted.current) return;
      if (found?.name === wanted.current) setFile(found);
      else setLost(true);
    });
    return () => {
      left = true;
    };
  }, [userId]);

  const { mapping } = audience;
  const isRead = useRef(false);
  useEffect(() => {
    if (!file || (mapping && Object.keys(mappingErrors(mapping)).length > 0)) return;
    const abort = new AbortController();
    setShare(0);
    const read = async () => {
      try {
        const found = await readCsvFile(file, mapping, setShare, abort.signal);
        isRead.current = true;
        setCsv(found);
        setError(null);
      } catch (failure) {
        setCsv(null);
        setError((failure as Error).message);
      }
      setShare(null);
    };
    const timer = setTimeout(read, isRead.current ? RENAME_MS : 0);
    return () => {
      clearTimeout(timer);
      abort.abort();
      setShare(null);
    };
  }, [file, mapping]);

  const forget = useCallback(() => {
    wanted.current = null;
    isRead.current = false;
    setFile(null);
    setCsv(null);
    setShare(null);
    setError(null);
    setKept(true);
    setLost(false);
  }, []);

  const choose = (chosen: File) => {
    forget();
    if (chosen.size > MOST_BYTES) {
      setError("The file is larger than 190 MB. Make it several campaigns.");
      return;
    }
    change({ fileName: chosen.name, mapping: null, source: "file" });
    setFile(chosen);
    void keepFile(userId, chosen).then(setKept);
  };

  const remove = () => {
    forget();
    change({ fileName: null, mapping: null });
    void dropFile(userId);
  };

  return {
    file,
    csv,
    share,
    error,
    kept,
    lost,
    mapping: mapping ?? csv?.mapping ?? null,
    choose,
    remove,
    map: (next: Mapping) => change({ mapping: next }),
  };
}

export type CsvFile = ReturnType<typeof useCsvFile>;
