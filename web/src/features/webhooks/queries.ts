/** Queries of webhooks and their deliveries. */

import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { allPages, MOST } from "@/api/reading";
import type { components } from "@/api/schema";

export type Delivery = components["schemas"]["Delivery"];
export type Webhook = components["schemas"]["Webhook"];

export const webhooksQuery = () =>
  queryOptions({
    queryKey: keys.webhooks.list(),
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        answer(api.GET("/api/webhooks", { params: { query: { limit: MOST, cursor } }, signal })),
      ),
  });

export const deliveriesQuery = (id: number) =>
  queryOptions({
    queryKey: keys.webhooks.deliveries(id),
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/webhooks/{id}/deliveries", { params: { path: { id }, query: { limit: 20 } }, signal }),
      ),
  });
