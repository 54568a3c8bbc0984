/** What the stream of events changes about emails: they are read anew. Long lists stay as they are. */

import type { InfiniteData } from "@tanstack/react-query";
import type { Live } from "@/api/eventStream";
import { keys } from "@/api/keys";

export const ledgerLive: Live = {
  follow: (queries) =>
    Promise.all([
      queries.invalidateQueries({ queryKey: keys.emails.ones() }),
      queries.invalidateQueries({
        queryKey: keys.emails.lists(),
        predicate: ({ state }) => ((state.data as InfiniteData<unknown> | undefined)?.pages.length ?? 1) <= 1,
      }),
    ]),
};
