import { type Csv, CsvError, type Mapping } from "./csv";
import CsvWorker from "./csv.worker?worker";

type Message = { share: number } | { csv: Csv } | { error: string };

/** Reads `file` in a worker, which ends with `signal`. Rejects with a CsvError that says what is wrong. */
export function readCsvFile(
  file: Blob,
  mapping: Mapping | null,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<Csv> {
  const worker = new CsvWorker();
  signal.addEventListener("abort", () => worker.terminate());
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Message>) => {
      if ("share" in data) return progress(data.share);
      worker.terminate();
      if ("csv" in data) resolve(data.csv);
      else reject(new CsvError(data.error));
    };
    worker.onerror = () => reject(new CsvError("The file could not be read. Choose it again."));
    worker.postMessage({ file, mapping });
  });
}
