/** What the stream of events changes about the figures: they are read anew. */

import type { Live } from "@/api/eventStream";
import { keys } from "@/api/keys";

export const operationsLive: Live = {
  follow: (queries) => queries.invalidateQueries({ queryKey: keys.stats.all() }),
};
