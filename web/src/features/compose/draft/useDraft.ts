import { useCallback, useEffect, useRef, useState } from "react";
import { type Draft, EMPTY, loadDraft, saveDraft } from "./draft";

const SAVE_MS = 400;

/** The draft of `userId`, kept in this browser as it changes. `kept`: whether it is safe from a reload. */
export function useDraft(userId: number) {
  const [restored, setRestored] = useState(() => loadDraft(userId));
  const [draft, setDraft] = useState<Draft>(() => restored?.draft ?? EMPTY);
  const [kept, setKept] = useState(true);
  const latest = useRef(draft);
  latest.current = draft;
  /** Another tab may have sent or changed the draft meanwhile: what was not touched here is not written back. */
  const isTouched = useRef(false);

  const save = useCallback(() => {
    if (isTouched.current) setKept(saveDraft(userId, latest.current));
  }, [userId]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: saved a moment after each change of the draft
  useEffect(() => {
    const timer = setTimeout(save, SAVE_MS);
    return () => clearTimeout(timer);
  }, [draft, save]);

  useEffect(() => {
    const leave = () => {
      if (isTouched.current) saveDraft(userId, latest.current);
    };
    addEventListener("pagehide", leave);
    return () => {
      removeEventListener("pagehide", leave);
      leave();
    };
  }, [userId]);

  const change = useCallback((part: Partial<Draft>) => {
    isTouched.current = true;
    latest.current = { ...latest.current, ...part };
    setDraft(latest.current);
  }, []);

  /** At once, for what must not be lost. */
  const changeNow = useCallback(
    (part: Partial<Draft>) => {
      change(part);
      saveDraft(userId, latest.current);
    },
    [change, userId],
  );

  const discard = useCallback(() => {
    changeNow(EMPTY);
    setRestored(null);
  }, [changeNow]);

  return { draft, change, changeNow, discard, kept, restoredAt: restored?.savedAt ?? null };
}
