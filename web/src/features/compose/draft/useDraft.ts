import { useCallback, useEffect, useRef, useState } from "react";
import { randomKey } from "@/api/randomKey";
import { type Change, changed } from "./changes";
import { type Draft, EMPTY, hasContent } from "./draft";
import { drop, type Kept, load, save, watch } from "./store";

const SAVE_MS = 400;

interface State {
  draft: Draft;
  /** When what was loaded had been written. */
  restoredAt: Date | null;
  /** Another tab scheduled or discarded what was here. */
  gone: boolean;
  /** Another with each draft taken over from another tab, the same or not: the key of what keeps a state of its own. */
  origin: number;
}

/**
 * The draft of `owner`, kept in this browser as it changes and the same in all of its tabs. `kept`: whether it is safe
 * from a reload. What changes it is of the draft that was shown when it was taken from here: once another one stands in
 * its place, it does nothing. So an upload, a file or a request acts on the draft that it was begun for, or on none.
 */
export function useDraft(owner: string) {
  const [loaded] = useState(() => load(owner) ?? drop(owner)); // other tabs begin the same one
  const [state, setState] = useState<State>(() => ({ ...shown(loaded), gone: false, origin: 0 }));
  const [kept, setKept] = useState(true);
  /** The draft by now, though it may not be drawn yet: two changes may come in one moment. */
  const latest = useRef(state.draft);
  /** Changed here, when, and not saved: what another tab saved or dropped is not written over with what is old. */
  const changedAt = useRef<Date | null>(null);
  /** When what this tab has seen of the store was saved. */
  const seen = useRef(loaded?.savedAt ?? null);
  const origin = useRef(0);
  const isShown = useRef(true);

  /** Of what is kept, by whichever tab. */
  const become = useCallback((there: Kept | null, gone: boolean) => {
    const next = shown(there);
    latest.current = next.draft;
    changedAt.current = null;
    seen.current = there?.savedAt ?? null;
    origin.current += 1;
    setState({ ...next, gone, origin: origin.current });
  }, []);

  /** Take over what another tab has saved or dropped. */
  const follow = useCallback(() => {
    const there = load(owner);
    become(there, !there?.draft && hasContent(latest.current));
  }, [owner, become]);

  /** Whether the draft is this tab's still: another one may have sent it, or gone on with it. */
  const saveNow = useCallback((): boolean => {
    if (changedAt.current === null) return true;
    const saved = save(owner, latest.current, { changedAt: changedAt.current, seen: seen.current });
    if (saved === "old") {
      follow();
      return false;
    }
    setKept(saved !== null);
    if (saved) {
      changedAt.current = null;
      seen.current = saved.savedAt;
    }
    return true;
  }, [owner, follow]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: saved a moment after each change of the draft
  useEffect(() => {
    const timer = setTimeout(saveNow, SAVE_MS);
    return () => clearTimeout(timer);
  }, [state.draft, saveNow]);

  useEffect(() => {
    isShown.current = true;
    addEventListener("pagehide", saveNow);
    return () => {
      removeEventListener("pagehide", saveNow);
      saveNow();
      isShown.current = false;
    };
  }, [saveNow]);

  useEffect(() => {
    const hear = () => {
      if (changedAt.current === null || !load(owner)?.draft) follow();
    };
    // A page that the browser had put aside was told nothing meanwhile.
    const comeBack = ({ persisted }: PageTransitionEvent) => persisted && hear();
    addEventListener("pageshow", comeBack);
    const stop = watch(owner, hear);
    return () => {
      removeEventListener("pageshow", comeBack);
      stop();
    };
  }, [owner, follow]);

  const { identity } = state.draft;
  /** A page that was left hears of nothing: then what the browser keeps tells. */
  const isHere = useCallback(
    () =>
      latest.current.identity === identity && (isShown.current || load(owner)?.draft?.identity === identity),
    [owner, identity],
  );

  const change = useCallback(
    (...changes: Change[]) => {
      if (!isHere()) return;
      changedAt.current = new Date();
      latest.current = changes.reduce(changed, latest.current);
      const draft = latest.current;
      setState((before) => ({ ...before, draft, gone: false }));
    },
    [isHere],
  );

  /** At once, for what must not be lost. Whether the draft is this tab's still. */
  const changeNow = useCallback(
    (...changes: Change[]): boolean => {
      if (!isHere()) return false;
      change(...changes);
      return saveNow();
    },
    [isHere, change, saveNow],
  );

  /** The draft as of this moment, drawn or not. */
  const now = useCallback(() => latest.current, []);

  /** Another draft in the place of this one. Whether it was here still. */
  const open = useCallback(
    (another: Draft, how: "restored" | "begun"): boolean => {
      if (!isHere()) return false;
      const draft = { ...another, identity: randomKey() };
      const saved = save(owner, draft);
      const isKept = saved !== null && saved !== "old";
      become(isKept ? saved : { draft, savedAt: new Date(), blank: undefined }, false);
      setKept(isKept);
      if (!isKept) changedAt.current = new Date(); // the browser had no room: it is tried again
      if (how === "begun") setState((before) => ({ ...before, restoredAt: null }));
      return true;
    },
    [owner, become, isHere],
  );

  /** Forget the draft: it became a campaign, or the person discarded it. Whether it was here, or in the browser, still. */
  const discard = useCallback((): boolean => {
    const there = load(owner);
    const isKept = there?.draft?.identity === identity;
    const isUnsaved = !there?.draft && there?.blank === identity;
    const dropped = isKept || isUnsaved ? drop(owner) : there; // which is another one's
    if (!isHere()) return isKept;
    become(dropped, false);
    return true;
  }, [owner, become, identity, isHere]);

  return {
    draft: state.draft,
    change,
    changeNow,
    now,
    open,
    discard,
    kept,
    restoredAt: state.restoredAt,
    gone: state.gone,
    origin: state.origin,
  };
}

/** The state that a page begins with, from what is kept. */
function shown(there: Kept | null): Pick<State, "draft" | "restoredAt"> {
  return there?.draft
    ? { draft: there.draft, restoredAt: there.savedAt }
    : { draft: { ...EMPTY, identity: there?.blank ?? randomKey() }, restoredAt: null };
}
