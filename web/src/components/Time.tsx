import { useSyncExternalStore } from "react";
import { absoluteTime, localTime, relativeTime } from "@/lib/format";

interface Props {
  /** RFC 3339, as the API gives it. */
  value: string;
  /** "24 Nov, 16:03" or "in 3 hours"; hovering shows all of it with the timezone either way. */
  mode?: "local" | "relative";
}

export function Time({ value, mode = "local" }: Props) {
  const at = new Date(value);
  return (
    <time dateTime={value} title={absoluteTime(at)} className="tabular">
      {mode === "relative" ? <Relative at={at} /> : localTime(at)}
    </time>
  );
}

function Relative({ at }: { at: Date }) {
  return relativeTime(at, new Date(useNow()));
}

const TICK_MS = 5_000;
const watchers = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

/** The time in ms, anew every five seconds; all who ask share one timer. */
export function useNow(): number {
  return useSyncExternalStore(watch, () => now);
}

function watch(watcher: () => void) {
  watchers.add(watcher);
  if (timer === undefined) {
    now = Date.now();
    timer = setInterval(() => {
      now = Date.now();
      for (const each of watchers) each();
    }, TICK_MS);
  }
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}
