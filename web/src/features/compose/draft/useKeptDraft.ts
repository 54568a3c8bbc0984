import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { keys } from "@/api/keys";
import { ApiProblem, sentence } from "@/api/problem";
import { session } from "@/api/session";
import type { Change } from "./changes";
import type { Draft } from "./draft";
import {
  type Begun,
  begin,
  begunAs,
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
import { load } from "./store";

const SAVE_MS = 1_500;

/** `changed`: somebody else saved it meanwhile, so that nothing is saved until a person has decided. */
export type Keeping = "saved" | "saving" | "unsaved" | "changed";

interface Kept {
  owner: string;
  draft: Draft;
  /** The draft as of this moment, drawn or not. */
  now: () => Draft;
  /** Another with each draft that was taken over from another tab, opened or discarded. */
  originNow: () => number;
  /** Whether the draft is this tab's still. */
  changeNow: (...changes: Change[]) => boolean;
  /** Ends once what is typed is a list. */
  settle: () => Promise<void>;
  /** It becomes a campaign this moment, and no draft any more. */
  resting: boolean;
}

/** The workspace's draft that this one is, if it is one; then it saves itself there a moment after each change. */
export function useKeptDraft({ owner, draft, now, originNow, changeNow, settle, resting }: Kept) {
  const queries = useQueryClient();
  const id = draft.keptAs ?? null;
  const [told, tell] = useState<{ id: number | null; keeping: Keeping }>({ id, keeping: "saved" });
  const keeping = told.id === id ? told.keeping : "saved";
  /** The draft on the server, as far as this page knows; null: it has to look. */
  const there = useRef<{ id: number; version: number; print: string } | null>(null);
  /** As the browser keeps it, which may keep nothing, or what another tab has opened. */
  const own = useRef<Begun | null>(null);

  /** Another tab, in which it is the same, may have saved it. Version 0: which it was is known no longer. */
  const begunWith = useCallback(
    (id: number): Begun => {
      const known = [begunAs(owner), own.current].flatMap((begun) => (begun?.id === id ? [begun] : []));
      const version = Math.max(0, ...known.map((begun) => begun.version));
      const sent = known.flatMap((begun) => (begun.version === version ? begun.sent : []));
      return { id, version, sent: [...new Set(sent)] };
    },
    [owner],
  );

  const remember = useCallback(
    (begun: Begun) => {
      own.current = begun;
      if (load(owner)?.draft?.keptAs === begun.id) begin(owner, begun);
    },
    [owner],
  );

  /** What the server has by now; another tab may know of a newer one. */
  const learn = useCallback(
    ({ id, version, content }: KeptDraft) => {
      const known = begunWith(id);
      if (version > known.version) remember({ id, version, sent: [] });
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
    await settle();
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
      if (printOf(mine) === there.current?.print) return "saved";
      tell({ id, keeping: "saving" });
      const begun = begunWith(id);
      remember({ ...begun, sent: [...begun.sent, markOf(mine)] });
      const kept = await saveDraft(mine, nameOf(mine), begun);
      if (!isHere(id)) return null;
      learn(kept);
      void queries.invalidateQueries({ queryKey: keys.drafts() });
      return "saved";
    } catch (error) {
      if (!isHere(id)) return null;
      there.current = null;
      if (isOld(error)) return saveOnce(); // which looks first: it may be ours
      if (!isGone(error)) return "unsaved";
      changeNow({ kind: "keptAs", keptAs: null });
      return null;
    }
  }, [now, changeNow, settle, isHere, begunWith, remember, learn, queries]);

  const running = useRef<Promise<void> | null>(null);
  const again = useRef(false);
  /** One at a time: two of the same version would refuse one another. */
  const save = useCallback((): Promise<void> => {
    const run = async () => {
      while (again.current) {
        again.current = false;
        const id = now().keptAs ?? null;
        const keeping = await saveOnce();
        if (keeping) tell({ id, keeping });
      }
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
    saveNow: async () => {
      if (id !== null && keeping !== "changed") await save();
    },
    /** As a draft of its own, which it is from now on. */
    saveAnew: async (): Promise<KeptDraft> => {
      await settle();
      const origin = originNow();
      const mine = now();
      const kept = await saveDraft(mine, nameOf(mine), null);
      // Another draft may stand here by now, into which nothing of this one belongs, nor the other way round.
      if (originNow() === origin && changeNow({ kind: "keptAs", keptAs: kept.id })) {
        learn(kept);
        tell({ id: kept.id, keeping: "saved" });
      }
      return kept;
    },
    /** It stands here now. */
    opened: (kept: KeptDraft) => {
      remember({ id: kept.id, version: kept.version, sent: [] });
      learn(kept);
      tell({ id: kept.id, keeping: "saved" });
    },
    /** The workspace's draft is there no more. */
    removed: (id: number) => {
      if (now().keptAs === id) changeNow({ kind: "keptAs", keptAs: null });
    },
    /** It is a campaign now, and no draft any more, unless somebody else has gone on with it. */
    scheduled: async () => {
      const mine = now();
      if (!mine.keptAs) return;
      const begun = begunWith(mine.keptAs);
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
