import { useCallback, useEffect, useRef, useState } from "react";
import { type Change, changed } from "./changes";
import { type Draft, EMPTY, hasContent } from "./draft";
import { drop, type Kept, load, save, watch } from "./store";

const SAVE_MS = 400;

interface State {
  draft: Draft;
  /** What `draft` was loaded as, when it was written before. */
  restored: Kept | null;
  /** Another tab scheduled or discarded what was here. */
  gone: boolean;
  /** Another with each draft taken over from another tab: the key of what keeps a state of its own. */
  origin: number;
}

/**
 * The draft of `owner`, kept in this browser as it changes and the same in all of its tabs. `kept`: whether it is safe
 * from a reload.
 */
export function useDraft(owner: string) {
  const [state, setState] = useState<State>(() => {
    const restored = load(owner);
    return { draft: restored?.draft ?? EMPTY, restored, gone: false, origin: 0 };
  });
  const [kept, setKept] = useState(true);
  /** What it is by now, though it may not be drawn yet: two changes may come in one moment. */
  const latest = useRef(state.draft);
  /** Changed here and not saved: what another tab saved or dropped is not written over with what is old. */
  const isDirty = useRef(false);

  const saveNow = useCallback(() => {
    if (!isDirty.current) return;
    const isKept = save(owner, latest.current);
    isDirty.current = !isKept;
    setKept(isKept);
  }, [owner]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: saved a moment after each change of the draft
  useEffect(() => {
    const timer = setTimeout(saveNow, SAVE_MS);
    return () => clearTimeout(timer);
  }, [state.draft, saveNow]);

  useEffect(() => {
    addEventListener("pagehide", saveNow);
    return () => {
      removeEventListener("pagehide", saveNow);
      saveNow();
    };
  }, [saveNow]);

  const become = useCallback((restored: Kept | null, gone: boolean) => {
    latest.current = restored?.draft ?? EMPTY;
    isDirty.current = false;
    const draft = latest.current;
    setState(({ origin }) => ({ draft, restored, gone, origin: origin + 1 }));
  }, []);

  useEffect(() => {
    const follow = () => {
      const there = load(owner);
      if (!there) become(null, hasContent(latest.current));
      else if (!isDirty.current) become(there, false);
    };
    // A page that the browser had put aside was told nothing meanwhile.
    const comeBack = ({ persisted }: PageTransitionEvent) => persisted && !isDirty.current && follow();
    addEventListener("pageshow", comeBack);
    const stop = watch(owner, follow);
    return () => {
      removeEventListener("pageshow", comeBack);
      stop();
    };
  }, [owner, become]);

  const change = useCallback((...changes: Change[]) => {
    isDirty.current = true;
    latest.current = changes.reduce(changed, latest.current);
    const draft = latest.current;
    setState((before) => ({ ...before, draft, gone: false }));
  }, []);

  /** At once, for what must not be lost. */
  const changeNow = useCallback(
    (...changes: Change[]) => {
      change(...changes);
      saveNow();
    },
    [change, saveNow],
  );

  /** Forget the draft: it became a campaign, or the person discarded it. */
  const discard = useCallback(() => {
    drop(owner);
    become(null, false);
  }, [owner, become]);

  return {
    draft: state.draft,
    change,
    changeNow,
    discard,
    kept,
    restoredAt: state.restored?.savedAt ?? null,
    gone: state.gone,
    origin: state.origin,
  };
}
