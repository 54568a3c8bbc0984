/**
 * The draft of each person in each workspace as this browser keeps it: loaded, saved, dropped, and watched for what
 * other tabs do to it. `owner`: person and workspace.
 */

import { randomKey } from "@/api/randomKey";
import { stored } from "./begun";
import { type Draft, EMPTY, hasContent } from "./draft";
import { place } from "./place";
import { isDraft } from "./shape";

/** Another with each change of a draft's shape: one of another version is dropped. */
const VERSION = 6;

/** `draft` null: it was scheduled or thrown away, which a tab that heard nothing of it must learn. */
export interface Kept {
  draft: Draft | null;
  savedAt: Date;
  /** Where there is no draft: the identity of the one that begins, the same in all tabs. */
  blank: string | undefined;
}

/** The times of a draft that a tab wants to keep: when it was changed, and when the one was saved that it had seen. */
interface Based {
  changedAt: Date;
  seen: Date | null;
}

/** null where nothing of use is kept; what cannot be understood is dropped. */
export function load(owner: string): Kept | null {
  try {
    const text = localStorage.getItem(place(owner));
    if (text === null) return null;
    const kept = understood(text);
    if (!kept) localStorage.removeItem(place(owner));
    // Earlier pages knew beside the draft which of the workspace's it was.
    if (kept?.draft && kept.draft.keptAs === undefined)
      kept.draft = { ...kept.draft, keptAs: stored(owner).at(-1)?.id ?? null };
    return kept;
  } catch {
    return null; // a browser that keeps nothing
  }
}

/**
 * Keep the draft. "old": another tab has kept something newer since, or dropped the draft, and that stays. null: the
 * browser keeps nothing, or has no room.
 */
export function save(owner: string, draft: Draft, based?: Based): Kept | "old" | null {
  const there = based && load(owner);
  const isUnseen = there && there.savedAt.getTime() !== based.seen?.getTime();
  if (isUnseen && (there.draft === null || there.savedAt > based.changedAt)) return "old";
  const kept = { draft: hasContent(draft) ? draft : null, savedAt: new Date(), blank: draft.identity };
  try {
    localStorage.setItem(place(owner), JSON.stringify({ v: VERSION, ...kept }));
    return kept;
  } catch {
    return null;
  }
}

export function drop(owner: string): Kept | null {
  const dropped = save(owner, { ...EMPTY, identity: randomKey() });
  return dropped === "old" ? null : dropped;
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
    const { v, savedAt, draft, blank } = JSON.parse(text);
    if (v !== VERSION || !(draft === null || isDraft(draft))) return null;
    const at = new Date(savedAt);
    if (Number.isNaN(at.getTime())) return null;
    return { draft, savedAt: at, blank: typeof blank === "string" ? blank : undefined };
  } catch {
    return null;
  }
}
