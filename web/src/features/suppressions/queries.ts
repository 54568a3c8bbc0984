/** Queries of suppressions. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { PAGE } from "@/api/reading";
import type { components } from "@/api/schema";

export type Suppression = components["schemas"]["Suppression"];
export type Reason = Suppression["reason"];

export interface SuppressionFilter {
  q?: string | undefined;
  reason?: Reason | undefined;
}

/** Newest first. */
export const suppressionsQuery = (filter: SuppressionFilter) =>
  infiniteQueryOptions({
    queryKey: keys.suppressions.list(filter),
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/suppressions", {
          params: { query: { ...filter, limit: PAGE, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

/** How many there are of each reason. */
export const countsQuery = () =>
  queryOptions({
    queryKey: keys.suppressions.counts(),
    queryFn: ({ signal }) => answer(api.GET("/api/suppressions/counts", { signal })),
  });
