/** Live updates of the figures, from the stream of events, by reading them anew. */

import type { Live } from "@/api/eventStream";
import { keys } from "@/api/keys";

export const operationsLive: Live = {
  follow: (queries) => queries.invalidateQueries({ queryKey: keys.stats.all() }),
};
