/**
 * Progress as it happens: one stream of the API's events for the whole dashboard. The features say what an event
 * changes (`live.ts`).
 *
 * Open while somebody is logged in and looks at this tab. After every gap all that it keeps up to date is read anew, since
 * a new stream tells nothing of what ended in between.
 */

import type { QueryClient } from "@tanstack/react-query";
import { addressOf, answer, api } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];

/** The content of events, by their names. */
export interface Events {
  campaign: Pick<
    Schemas["Campaign"],
    "id" | "status" | "total" | "counts" | "usedThisHour" | "nextAt" | "lastAt" | "finishedAt" | "held"
  >;
  sender: Pick<Schemas["Sender"], "id" | "blockedUntil" | "blockReason" | "held">;
  responses: { latestId: number };
}

/** A feature's reaction to events. */
export interface Live {
  /** Put what an event says into what was read before. */
  hear?: { [Name in keyof Events]?: (queries: QueryClient, event: Events[Name]) => void };
  /**
   * Read anew what follows from a campaign's progress and is not told, where it is shown. Not called again before all that
   * the features read here has come, so that no reading is broken off by the next.
   */
  follow?: (queries: QueryClient) => Promise<unknown> | undefined;
  /** A stream begins; `again` after a gap, and then `follow` is called too. */
  begin?: (queries: QueryClient, again: boolean) => void;
}

const FOLLOW_MS = 3_000;
const SLOWEST_MS = 30_000;
/** A stream ends every few minutes and is back in a second: nobody need hear of that. */
const PATIENCE_MS = 3_000;

let down = false;
const listeners = new Set<() => void>();

/** Whether the stream is interrupted, for useSyncExternalStore. */
export const interruption = {
  get: () => down,
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
};

function tell(next: boolean) {
  if (down === next) return;
  down = next;
  for (const listener of listeners) listener();
}

/** Keep the stream open until the function that this returns is called. */
export function watchEvents(queries: QueryClient, features: readonly Live[]): () => void {
  let source: EventSource | null = null;
  let failures = 0;
  let opened = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let grumble: ReturnType<typeof setTimeout> | undefined;
  let following: ReturnType<typeof setTimeout> | undefined;
  let reading = false;
  let due = false;
  let stopped = false;

  const follow = async () => {
    due = false;
    reading = true;
    await Promise.allSettled(features.map((feature) => feature.follow?.(queries)));
    reading = false;
    if (due) followSoon();
  };
  /** Once in a while, however much is told. */
  const followSoon = () => {
    due = true;
    if (reading || stopped) return;
    following ??= setTimeout(() => {
      following = undefined;
      void follow();
    }, FOLLOW_MS);
  };
  const begin = (again: boolean) => {
    for (const feature of features) feature.begin?.(queries, again);
    if (again) followSoon();
  };
  const hear = <Name extends keyof Events>(name: Name, message: MessageEvent<string>) => {
    const event: Events[Name] = JSON.parse(message.data);
    for (const feature of features) feature.hear?.[name]?.(queries, event);
  };

  const open = () => {
    if (source || document.hidden) return;
    const stream = new EventSource(addressOf("/api/events"));
    source = stream;
    stream.onopen = () => {
      failures = 0;
      clearTimeout(grumble);
      grumble = undefined;
      tell(false);
      begin(opened);
      opened = true;
    };
    stream.onerror = () => {
      grumble ??= setTimeout(() => tell(true), PATIENCE_MS);
      if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      source = null;
      const wait = Math.min(SLOWEST_MS, 1_000 * 2 ** failures++) * (0.75 + Math.random() / 2);
      retry = setTimeout(() => void askAndOpen(), wait);
    };
    stream.addEventListener("campaign", (message) => {
      hear("campaign", message);
      followSoon();
    });
    stream.addEventListener("sender", (message) => hear("sender", message));
    stream.addEventListener("responses", (message) => hear("responses", message));
  };

  /** A refusal may mean that the session is over, and the client is who asks to log in again. */
  const askAndOpen = async () => {
    if (document.hidden) return;
    await answer(api.GET("/api/auth/me")).catch(() => undefined); // the stream's own failure says the same
    if (!stopped) open();
  };

  const close = () => {
    source?.close();
    source = null;
    clearTimeout(retry);
    clearTimeout(grumble);
    grumble = undefined;
    clearTimeout(following);
    following = undefined;
    tell(false);
  };
  const onVisibility = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", onVisibility);
  open();
  return () => {
    stopped = true;
    document.removeEventListener("visibilitychange", onVisibility);
    close();
  };
}
