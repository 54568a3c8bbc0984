/** What is read of senders. */

import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { allPages, MOST } from "@/api/reading";
import type { components } from "@/api/schema";

export type Sender = components["schemas"]["Sender"];

export const sendersQuery = () =>
  queryOptions({
    queryKey: keys.senders(),
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        answer(api.GET("/api/senders", { params: { query: { limit: MOST, cursor } }, signal })),
      ),
  });
