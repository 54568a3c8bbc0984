/** Why it does not go now, where lists do not say it already. */

import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { AGAIN_MS } from "@/api/reading";

export const emailWaitingQuery = (id: number) =>
  queryOptions({
    queryKey: keys.emails.waiting(id),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/emails/{id}/waiting", { params: { path: { id } }, signal })),
    refetchInterval: AGAIN_MS,
  });

/** Of all senders at once. */
export const sendersWaitingQuery = (ids: readonly number[]) =>
  queryOptions({
    queryKey: keys.sendersWaiting(ids),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/senders/waiting", { params: { query: { id: [...ids] } }, signal })),
    refetchInterval: AGAIN_MS,
    enabled: ids.length > 0,
  });
