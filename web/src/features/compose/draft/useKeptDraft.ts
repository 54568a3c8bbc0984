import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { keys } from "@/api/keys";
import { ApiProblem } from "@/api/problem";
import type { Draft } from "./draft";
import {
  type Begun,
  begin,
  begunAs,
  isOld,
  type KeptDraft,
  nameOf,
  printOf,
  readDraft,
  saveDraft,
} from "./onServer";

const SAVE_MS = 1_500;

/** `changed`: somebody else saved it meanwhile, so that nothing is saved until a person has decided. */
export type Keeping = "saved" | "saving" | "unsaved" | "changed";

interface Kept {
  owner: string;
  draft: Draft;
  /** The draft as of this moment, drawn or not. */
  now: () => Draft;
  /** Ends once what is typed is a list. */
  settle: () => Promise<void>;
  /** Another with each draft that was taken over from another tab, or opened. */
  origin: number;
  /** It becomes a campaign this moment, and no draft any more. */
  resting: boolean;
}

/** The workspace's draft that this one is, if it is one; then it saves itself there a moment after each change. */
export function useKeptDraft({ owner, draft, now, settle, origin, resting }: Kept) {
  const queries = useQueryClient();
  const [begun, setBegun] = useState(() => begunAs(owner));
  const [keeping, setKeeping] = useState<Keeping>("saved");
  /** The draft on the server, as far as this page knows; null: it has not looked yet. */
  const there = useRef<{ version: number; print: string } | null>(null);
  const at = useRef(begun);

  const become = useCallback(
    (next: Begun | null, content?: unknown) => {
      begin(owner, next);
      at.current = next;
      there.current = next && { version: next.version, print: printOf(content) };
      setBegun(next);
      setKeeping("saved");
    },
    [owner],
  );

  /** Look at the draft there, if that is new to this page: whether it may be written over. */
  const look = useCallback(
    async ({ id, version }: Begun): Promise<boolean> => {
      const kept = await readDraft(id);
      const isOurs = kept.version === version || printOf(kept.content) === printOf(now());
      if (isOurs) become(kept, kept.content);
      return isOurs;
    },
    [now, become],
  );

  const save = useCallback(async () => {
    await settle();
    const from = begunAs(owner) ?? at.current; // another tab, in which it is the same, may have saved it
    if (!from) return;
    at.current = from;
    try {
      if (there.current?.version !== from.version && !(await look(from))) return setKeeping("changed");
      const mine = now();
      const known = at.current;
      if (printOf(mine) === there.current?.print) return setKeeping("saved");
      setKeeping("saving");
      const kept = await saveDraft(mine, nameOf(mine), known);
      if (at.current?.id !== kept.id) return; // another one was opened meanwhile
      become(kept, mine);
      void queries.invalidateQueries({ queryKey: keys.drafts() });
    } catch (error) {
      if (isOld(error)) {
        // Another tab of ours may have saved the same.
        const isOurs = await look(from).catch(() => false);
        return setKeeping(isOurs ? "saved" : "changed");
      }
      if (error instanceof ApiProblem && error.status === 404) return become(null);
      setKeeping("unsaved");
    }
  }, [owner, now, settle, look, become, queries]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab says with the draft which one it is
  useEffect(() => {
    at.current = begunAs(owner);
    there.current = null;
    setBegun(at.current);
  }, [owner, origin]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: saved a moment after each change of the draft
  useEffect(() => {
    if (!begun || resting || keeping === "changed") return;
    const timer = setTimeout(save, SAVE_MS);
    return () => clearTimeout(timer);
  }, [draft, begun?.id, resting, save]);

  return {
    begun,
    keeping,
    become: (kept: KeptDraft) => become(kept, kept.content),
    forget: () => become(null),
  };
}
