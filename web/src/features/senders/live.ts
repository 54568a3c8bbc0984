/** What the stream of events changes about senders. */

import type { QueryClient } from "@tanstack/react-query";
import type { Events, Live } from "@/api/eventStream";
import { keys } from "@/api/keys";
import { sendersQuery } from "./queries";

export const sendersLive: Live = {
  hear: { sender: applySender },
  follow: (queries) => queries.invalidateQueries({ queryKey: keys.senders() }),
};

export function applySender(queries: QueryClient, event: Events["sender"]): void {
  queries.setQueryData(
    sendersQuery().queryKey,
    (old) =>
      old && {
        ...old,
        items: old.items.map((sender) => (sender.id === event.id ? { ...sender, ...event } : sender)),
      },
  );
}
