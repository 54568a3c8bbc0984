/** Live updates of who one is: a gap may hide that one's role has changed, or the workspace's name. */

import type { Live } from "@/api/eventStream";
import { readRoleAnew } from "@/api/role";

export const accountsLive: Live = {
  begin(queries, again) {
    if (again) void readRoleAnew(queries);
  },
};
