/**
 * Live updates of responses, from the stream of events: once there are more of them, all that shows them is read anew.
 */

import type { QueryClient } from "@tanstack/react-query";
import type { Live } from "@/api/eventStream";
import { keys } from "@/api/keys";

/** The latest that was told; null: a stream has begun, and has told of nothing yet. */
let latest: number | null = null;

export const inboundLive: Live = {
  hear: {
    responses(queries, { latestId }) {
      // The first that is told may be what is shown, or the first that ever came: asking again is cheap.
      if (latest === null) void queries.invalidateQueries({ queryKey: keys.responses.all() });
      else if (latestId > latest) void readAnew(queries);
      latest = latestId;
    },
  },
  begin(queries, again) {
    if (!again) latest = null;
    else void queries.invalidateQueries({ queryKey: keys.responses.all() });
  },
};

/** A campaign's figures count what comes back, too. */
function readAnew(queries: QueryClient) {
  return Promise.all([
    queries.invalidateQueries({ queryKey: keys.responses.all() }),
    queries.invalidateQueries({ queryKey: keys.campaigns.all() }),
  ]);
}
