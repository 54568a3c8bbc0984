/**
 * Progress as it happens: one stream of the API's events for the whole dashboard, written into what was read before.
 *
 * Open while somebody is logged in and looks at this tab. After every gap all that it keeps up to date is read anew, since
 * a new stream tells nothing of what ended in between.
 */

import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { type Campaign, campaignQuery, campaignsIn } from "@/features/campaigns/queries";
import { sentRates } from "@/features/campaigns/sentRates";
import { type Sender, sendersQuery } from "@/features/senders/queries";
import { answer, api } from "./client";
import type { components } from "./schema";

export type CampaignEvent = Pick<
  Campaign,
  "id" | "status" | "total" | "counts" | "usedThisHour" | "nextAt" | "lastAt" | "finishedAt"
>;
export type SenderEvent = Pick<Sender, "id" | "blockedUntil" | "blockReason">;
type CampaignPages = InfiniteData<components["schemas"]["CampaignPage"], string | null>;
type EmailPages = InfiniteData<components["schemas"]["EmailPage"], string | null>;

const FOLLOW_MS = 3_000;
const SLOWEST_MS = 30_000;
/** A stream ends every few minutes and is back in a second: nobody need hear of that. */
const PATIENCE_MS = 3_000;

/** Put what an event says into every list and page that shows the campaign. */
export function applyCampaign(queries: QueryClient, event: CampaignEvent): void {
  queries.setQueryData(campaignQuery(event.id).queryKey, (old) => old && { ...old, ...event });
  let moved = false;
  for (const [key, data] of queries.getQueriesData<CampaignPages>({ queryKey: keys.campaigns.lists })) {
    const old = data?.pages.flatMap((page) => page.items).find((campaign) => campaign.id === event.id);
    if (!data || !old) continue;
    moved ||= old.status !== event.status;
    const pages = data.pages.map((page) => ({
      ...page,
      items: page.items.map((campaign) => (campaign.id === event.id ? { ...campaign, ...event } : campaign)),
    }));
    queries.setQueryData<CampaignPages>(key, { ...data, pages });
  }
  // Those not on the page too: the next event is compared with them.
  if (moved || isNew(queries, event.id))
    void queries.invalidateQueries({ queryKey: keys.campaigns.lists, refetchType: "all" });
}

/** Newer than the newest that was read: somebody has just scheduled it. */
function isNew(queries: QueryClient, id: number): boolean {
  const all = queries.getQueryData<CampaignPages>(campaignsIn(null).queryKey);
  return all !== undefined && id > (all.pages[0]?.items[0]?.id ?? 0);
}

export function applySender(queries: QueryClient, event: SenderEvent): void {
  queries.setQueryData(
    sendersQuery.queryKey,
    (old) =>
      old && {
        ...old,
        items: old.items.map((sender) => (sender.id === event.id ? { ...sender, ...event } : sender)),
      },
  );
}

/** What follows from progress and is not told: read anew, where it is shown. Long lists stay as they are. */
function follow(queries: QueryClient): void {
  void queries.invalidateQueries({ queryKey: keys.stats.all });
  void queries.invalidateQueries({ queryKey: keys.senders });
  void queries.invalidateQueries({
    queryKey: keys.emails.all,
    predicate: (query) => ((query.state.data as EmailPages | undefined)?.pages?.length ?? 1) <= 1,
  });
}

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
export function watchEvents(queries: QueryClient): () => void {
  let source: EventSource | null = null;
  let failures = 0;
  let opened = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let grumble: ReturnType<typeof setTimeout> | undefined;
  let following: ReturnType<typeof setTimeout> | undefined;

  const open = () => {
    if (source || document.hidden) return;
    const stream = new EventSource("/api/events");
    source = stream;
    stream.onopen = () => {
      failures = 0;
      clearTimeout(grumble);
      grumble = undefined;
      tell(false);
      sentRates.clear();
      if (opened) {
        void queries.invalidateQueries({ queryKey: keys.campaigns.all });
        follow(queries);
      }
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
      const event: CampaignEvent = JSON.parse(message.data);
      sentRates.add(event.id, event.counts.SENT ?? 0, Date.now());
      applyCampaign(queries, event);
      following ??= setTimeout(() => {
        following = undefined;
        follow(queries);
      }, FOLLOW_MS);
    });
    stream.addEventListener("sender", (message) => applySender(queries, JSON.parse(message.data)));
  };

  /** A refusal may mean that the session is over, and the client is who asks to log in again. */
  const askAndOpen = async () => {
    if (document.hidden) return;
    await answer(api.GET("/api/auth/me")).catch(() => undefined); // the stream's own failure says the same
    if (!stopped) open();
  };

  let stopped = false;
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
