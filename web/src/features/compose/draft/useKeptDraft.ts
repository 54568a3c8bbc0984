import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { keys } from "@/api/keys";
import { ApiProblem, sentence } from "@/api/problem";
import { session } from "@/api/session";
import type { useBegun } from "./begun";
import type { Change } from "./changes";
import { type Draft, hasContent } from "./draft";
import {
  isOld,
  isOurs,
  type KeptDraft,
  markOf,
  nameOf,
  printOf,
  readDraft,
  removeDraft,
  saveDraft,
} from "./onServer";

const SAVE_MS = 1_500;

/** `changed`: somebody else saved it meanwhile, so that nothing is saved until a person has decided. */
export type Keeping = "saved" | "saving" | "unsaved" | "changed";

export interface Saved {
  /** Nothing of what is written is here alone. */
  isSaved: boolean;
  /** Typed recipients are a list. */
  isWhole: boolean;
}

interface Kept extends ReturnType<typeof useBegun> {
  owner: string;
  draft: Draft;
  /** The draft as of this moment, drawn or not. */
  now: () => Draft;
  /** Whether the draft is this tab's still. */
  changeNow: (...changes: Change[]) => boolean;
  /** Ends once what is typed is a list, or could not be made one: whether it is one. */
  settle: () => Promise<boolean>;
  /** It becomes a campaign this moment, and no draft any more. */
  resting: boolean;
}

/** The workspace's draft that this one is, if it is one; then it saves itself there a moment after each change. */
export function useKeptDraft(options: Kept) {
  const { owner, draft, now, changeNow, settle, resting, begunWith, remember } = options;
  const queries = useQueryClient();
  const id = draft.keptAs ?? null;
  const [told, tell] = useState<{ id: number | null; keeping: Keeping }>({ id, keeping: "saved" });
  const keeping = told.id === id ? told.keeping : "saved";
  /** The draft on the server, as far as this page knows; null: it has to look. */
  const there = useRef<{ id: number; version: number; print: string } | null>(null);

  const { attempt } = draft;
  // Opened again, it is tried again as what it was tried as.
  useEffect(() => {
    if (id === null) return;
    const begun = begunWith(id);
    if (begun.attempt?.key !== attempt?.key) remember({ ...begun, attempt });
  }, [id, attempt, begunWith, remember]);

  /** What the server has by now; another tab may know of a newer one. */
  const learn = useCallback(
    ({ id, version, content }: KeptDraft) => {
      const known = begunWith(id);
      if (version > known.version) remember({ ...known, version, sent: [] });
      there.current = { id, version, print: printOf(content) };
    },
    [begunWith, remember],
  );

  /** No longer once another one was opened, or another workspace, in which it would be no draft. */
  const isHere = useCallback(
    (id: number) => now().keptAs === id && session.actingAs() === owner,
    [owner, now],
  );

  /** null: it is not here by now, and its state is told no more. */
  const saveOnce = useCallback(async (): Promise<Keeping | null> => {
    const isWhole = await settle();
    const id = now().keptAs;
    if (!id || !isHere(id)) return null;
    try {
      const { version } = begunWith(id);
      if (there.current?.id !== id || there.current.version !== version) {
        const kept = await readDraft(id);
        if (!isHere(id)) return null;
        if (!isOurs(kept, begunWith(id), now())) return "changed";
        learn(kept);
      }
      const mine = now();
      if (printOf(mine) === there.current?.print) return isWhole ? "saved" : "unsaved";
      tell({ id, keeping: "saving" });
      const begun = begunWith(id);
      remember({ ...begun, sent: [...begun.sent, markOf(mine)] });
      const kept = await saveDraft(mine, nameOf(mine), begun);
      if (!isHere(id)) return null;
      learn(kept);
      void queries.invalidateQueries({ queryKey: keys.drafts() });
      return isWhole ? "saved" : "unsaved";
    } catch (error) {
      if (!isHere(id)) return null;
      there.current = null;
      if (isOld(error)) return saveOnce(); // which looks first: it may be ours
      if (!isGone(error)) return "unsaved";
      changeNow({ kind: "keptAs", keptAs: null });
      return null;
    }
  }, [now, changeNow, settle, isHere, begunWith, remember, learn, queries]);

  const running = useRef<Promise<Keeping | null> | null>(null);
  const again = useRef(false);
  /** One at a time: two of the same version would refuse one another. */
  const save = useCallback((): Promise<Keeping | null> => {
    const run = async () => {
      let keeping: Keeping | null = null;
      while (again.current) {
        again.current = false;
        const id = now().keptAs ?? null;
        keeping = await saveOnce();
        if (keeping) tell({ id, keeping });
      }
      return keeping;
    };
    again.current = true;
    running.current ??= run().finally(() => {
      running.current = null;
    });
    return running.current;
  }, [now, saveOnce]);

  const isDue = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: saved a moment after each change of the draft
  useEffect(() => {
    if (id === null || resting || keeping === "changed") return;
    isDue.current = true;
    const timer = setTimeout(() => {
      isDue.current = false;
      void save();
    }, SAVE_MS);
    return () => clearTimeout(timer);
  }, [draft, resting, save]);
  useEffect(
    () => () => {
      if (isDue.current) void save(); // the page is left before the moment is over
    },
    [save],
  );

  return {
    keptAs: id,
    keeping,
    /** Ends once what is written here is saved, or could not be. */
    saveNow: async (): Promise<Saved> => {
      const isWhole = await settle();
      const isKept = now().keptAs ? (await save()) === "saved" : !hasContent(now());
      return { isSaved: isWhole && isKept, isWhole };
    },
    /** As a draft of its own, which it is from now on. */
    saveAnew: async (): Promise<KeptDraft> => {
      await settle();
      const mine = now();
      const kept = await saveDraft(mine, nameOf(mine), null);
      if (changeNow({ kind: "keptAs", keptAs: kept.id })) {
        learn(kept);
        tell({ id: kept.id, keeping: "saved" });
      }
      return kept;
    },
    /** As it is to stand here. */
    opened: (kept: KeptDraft): Draft => {
      const { attempt } = begunWith(kept.id);
      remember({ id: kept.id, version: kept.version, sent: [], attempt });
      learn(kept);
      tell({ id: kept.id, keeping: "saved" });
      return { ...(kept.content as unknown as Draft), keptAs: kept.id, attempt };
    },
    /** The workspace's draft is there no more. */
    removed: (id: number) => {
      if (now().keptAs === id) changeNow({ kind: "keptAs", keptAs: null });
    },
    /** `mine` is a campaign now, and no draft any more, unless somebody else has gone on with it. */
    scheduled: async (mine: Draft) => {
      if (!mine.keptAs) return;
      const begun = { ...begunWith(mine.keptAs), attempt: null };
      remember(begun);
      await running.current; // it may be what is there in a moment
      try {
        const kept = await readDraft(begun.id);
        if (isOurs(kept, begun, mine)) await removeDraft(kept.id, kept.version);
        else sayThatItStays(CHANGED);
      } catch (error) {
        if (!isGone(error)) sayThatItStays(isOld(error) ? CHANGED : sentence(error));
      } finally {
        void queries.invalidateQueries({ queryKey: keys.drafts() });
      }
    },
  };
}

const isGone = (error: unknown) => error instanceof ApiProblem && error.status === 404;

const CHANGED = "Somebody else has changed it meanwhile.";

function sayThatItStays(why: string) {
  notifications.show({ title: "Its draft stays among the drafts", message: why, autoClose: 10_000 });
}
