/** Reads a CSV beside the page, which goes on answering meanwhile. */

import { CsvError, type Mapping, readCsv } from "./csv";

addEventListener("message", async ({ data }: MessageEvent<{ file: Blob; mapping: Mapping | null }>) => {
  try {
    const bytes = await data.file.arrayBuffer();
    postMessage({ csv: readCsv(bytes, data.mapping, (share) => postMessage({ share })) });
  } catch (error) {
    const said = error instanceof CsvError ? error.message : "The file could not be read. Choose it again.";
    postMessage({ error: said });
  }
});
