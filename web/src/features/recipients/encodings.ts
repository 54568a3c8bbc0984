/** Encodings that a file may be said to be in. */

import type { paths } from "@/api/schema";

type Upload = paths["/api/lists"]["post"]["requestBody"]["content"]["multipart/form-data"];
type Encoding = NonNullable<Upload["encoding"]>;

/** By how many files are in each. */
export const ENCODINGS = [
  "UTF-8",
  "Windows-1252",
  "UTF-16",
  "Windows-1250",
  "Windows-1251",
  "Shift_JIS",
  "GB18030",
  "Big5",
  "EUC-KR",
  "EUC-JP",
  "MacRoman",
  "Windows-1253",
  "Windows-1254",
  "Windows-1255",
  "Windows-1256",
  "Windows-1257",
  "Windows-874",
  "ISO-8859-2",
  "KOI8-R",
  "KOI8-U",
  "ISO-8859-5",
  "ISO-8859-7",
  "CP850",
  "CP852",
  "CP866",
  "MacCyrillic",
  "MacLatin2",
] as const satisfies readonly Encoding[];
