/**
 * The draft of each person in each workspace as this browser keeps it: loaded, saved, dropped, and watched for what
 * other tabs do to it. `owner`: person and workspace.
 */

import { type Draft, EMPTY, hasContent } from "./draft";
import { isDraft } from "./shape";

/** Another with each change of a draft's shape: one of another version is dropped. */
const VERSION = 2;

export interface Kept {
  draft: Draft;
  savedAt: Date;
}

const place = (owner: string) => `reachinbox.draft.${owner}`;

/** null where nothing of use is kept; what cannot be understood is dropped. */
export function load(owner: string): Kept | null {
  try {
    const text = localStorage.getItem(place(owner));
    if (text === null) return null;
    const kept = understood(text);
    if (!kept) localStorage.removeItem(place(owner));
    return kept;
  } catch {
    return null; // a browser that keeps nothing
  }
}

/** Whether it could be kept: a browser may have no room, or keep nothing at all. An empty draft is dropped. */
export function save(owner: string, draft: Draft): boolean {
  try {
    if (hasContent(draft)) {
      localStorage.setItem(place(owner), JSON.stringify({ v: VERSION, savedAt: new Date(), draft }));
    } else {
      localStorage.removeItem(place(owner));
    }
    return true;
  } catch {
    return false;
  }
}

export function drop(owner: string): void {
  save(owner, EMPTY);
}

/** The drafts of a person in all of their workspaces. */
export function dropAllOf(userId: number): void {
  try {
    for (const key of Object.keys(localStorage))
      if (key.startsWith(place(`${userId}.`))) localStorage.removeItem(key);
  } catch {
    // a browser that keeps nothing
  }
}

/** Calls `changed` when another tab has saved or dropped the draft. Returns what ends it. */
export function watch(owner: string, changed: () => void): () => void {
  const look = ({ key }: StorageEvent) => {
    if (key === place(owner) || key === null) changed(); // null: all was cleared
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
