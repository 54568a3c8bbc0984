/** The draft of each person in each workspace (`account`, as `session.actingAs()` names them) as this browser keeps it: loaded, saved, dropped, and watched for what other tabs do to it. */

import { type Draft, EMPTY, hasContent } from "./draft";
import { isDraft } from "./shape";

/** Another with each change of a draft's shape: one of another version is dropped. */
const VERSION = 2;

export interface Kept {
  draft: Draft;
  savedAt: Date;
}

const place = (account: string) => `reachinbox.draft.${account}`;

/** null where nothing of use is kept; what cannot be understood is dropped. */
export function load(account: string): Kept | null {
  try {
    const text = localStorage.getItem(place(account));
    if (text === null) return null;
    const kept = understood(text);
    if (!kept) localStorage.removeItem(place(account));
    return kept;
  } catch {
    return null; // a browser that keeps nothing
  }
}

/** Whether it could be kept: a browser may have no room, or keep nothing at all. An empty draft is dropped. */
export function save(account: string, draft: Draft): boolean {
  try {
    if (hasContent(draft)) {
      localStorage.setItem(place(account), JSON.stringify({ v: VERSION, savedAt: new Date(), draft }));
    } else {
      localStorage.removeItem(place(account));
    }
    return true;
  } catch {
    return false;
  }
}

export function drop(account: string): void {
  save(account, EMPTY);
}

/** Those of a person in all workspaces. */
export function dropAll(userId: number): void {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key === place(`${userId}`) || key.startsWith(place(`${userId}.`))) localStorage.removeItem(key);
    }
  } catch {
    // a browser that keeps nothing
  }
}

/** Calls `changed` when another tab has saved or dropped the draft. Returns what ends it. */
export function watch(account: string, changed: () => void): () => void {
  const look = ({ key }: StorageEvent) => {
    if (key === place(account) || key === null) changed(); // null: all was cleared
  };
  addEventListener("storage", look);
  return () => removeEventListener("storage", look);
}

function understood(text: string): Kept | null {
  try {
    const { v, savedAt, draft } = JSON.parse(text);
    if (v !== VERSION || !isDraft(draft)) return null;
    const at = new Date(savedAt);
    return Number.isNaN(at.getTime()) ? null : { draft, savedAt: at };
  } catch {
    return null;
  }
}
