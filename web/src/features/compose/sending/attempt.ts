/** Under which key a campaign is asked for. */

import { randomKey } from "@/api/randomKey";
import type { Attempt } from "../draft/draft";

/** The key for an attempt at `request`: that of the last one, if it asked for the same. */
export function attemptAt(request: string, last: Attempt | null): Attempt {
  const print = fingerprint(request);
  return last?.print === print ? last : { key: randomKey(), print };
}

/** FNV-1a. Should two requests ever share one, the API refuses the second: nothing is sent in error. */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return `${(hash >>> 0).toString(16)}-${text.length}`;
}
