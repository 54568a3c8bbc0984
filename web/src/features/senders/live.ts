/** Live updates of senders, from the stream of events. */

import type { QueryClient } from "@tanstack/react-query";
import type { Events, Live } from "@/api/eventStream";
import { keys } from "@/api/keys";
import { sendersQuery } from "./queries";

export const sendersLive: Live = {
  hear: { sender: hearSender },
  follow: (queries) => queries.invalidateQueries({ queryKey: keys.senders() }),
};

/** Another state than is shown is a reason to ask: it may be older than a change that was just answered. */
export function hearSender(queries: QueryClient, event: Events["sender"]): void {
  const { queryKey } = sendersQuery();
  const shown = queries.getQueryData(queryKey)?.items.find(({ id }) => id === event.id);
  const isAnother =
    shown?.blockedUntil !== event.blockedUntil ||
    shown.blockReason !== event.blockReason ||
    shown.held?.since !== event.held?.since ||
    shown.held?.probeAt !== event.held?.probeAt;
  if (!shown || !isAnother) return;
  void queries.invalidateQueries({ queryKey });
  void queries.invalidateQueries({ queryKey: keys.alerts() }); // the navigation counts those held back
}
