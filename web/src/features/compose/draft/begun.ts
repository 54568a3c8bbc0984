/** What this browser knows of the server's drafts that were here, the latest last. */

import { useMemo, useRef } from "react";
import type { Attempt } from "./draft";
import { placeOnServer } from "./place";

export interface Begun {
  id: number;
  /** The one that was changed. 0: which it was is known no longer. */
  version: number;
  /** Marks of what was sent to take its place: an answer may get lost, and what was sent be there all the same. */
  sent: readonly string[];
  /** The last attempt to schedule it that had no answer yet, for when it is opened again. */
  attempt: Attempt | null;
}

const MOST = 30;

export function stored(owner: string): Begun[] {
  try {
    const there = JSON.parse(localStorage.getItem(placeOnServer(owner)) ?? "[]");
    // Earlier pages knew of one alone, and the first of them not what it had sent.
    return (Array.isArray(there) ? there : [there]).flatMap((each) => {
      const { id, version, sent, attempt } = each ?? {};
      if (typeof id !== "number" || typeof version !== "number") return [];
      return [{ id, version, sent: Array.isArray(sent) ? sent : [], attempt: attempt ?? null }];
    });
  } catch {
    return []; // nothing that can be understood
  }
}

function store(owner: string, begun: Begun): void {
  const others = stored(owner).filter(({ id }) => id !== begun.id);
  try {
    localStorage.setItem(placeOnServer(owner), JSON.stringify([...others, begun].slice(-MOST)));
  } catch {
    // a browser that keeps nothing
  }
}

/** As the browser keeps it for all tabs, and as this page knows it, for a browser that keeps nothing. */
export function useBegun(owner: string) {
  const own = useRef(new Map<number, Begun>());
  return useMemo(() => {
    /** Another tab, in which it is the same, may have saved it. */
    const begunWith = (id: number): Begun => {
      const kept = stored(owner).find((begun) => begun.id === id);
      const known = [kept, own.current.get(id)].filter((begun) => begun !== undefined);
      const version = Math.max(0, ...known.map((begun) => begun.version));
      const sent = known.flatMap((begun) => (begun.version === version ? begun.sent : []));
      return { id, version, sent: [...new Set(sent)], attempt: known[0]?.attempt ?? null };
    };
    const remember = (begun: Begun) => {
      own.current.set(begun.id, begun);
      store(owner, begun);
    };
    return { begunWith, remember };
  }, [owner]);
}
