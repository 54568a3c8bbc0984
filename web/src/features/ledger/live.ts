/** Live updates of emails, from the stream of events, by reading them anew. Long lists stay as they are. */

import type { InfiniteData, Query } from "@tanstack/react-query";
import type { Live } from "@/api/eventStream";
import { keys } from "@/api/keys";

const isShort = ({ state }: Query) =>
  ((state.data as InfiniteData<unknown> | undefined)?.pages.length ?? 1) <= 1;

export const ledgerLive: Live = {
  follow: (queries) =>
    Promise.all([
      queries.invalidateQueries({ queryKey: keys.emails.ones() }),
      queries.invalidateQueries({ queryKey: keys.emails.lists(), predicate: isShort }),
      queries.invalidateQueries({ queryKey: keys.recipients.all(), predicate: isShort }),
    ]),
};
