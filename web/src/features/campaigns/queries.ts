/** What is read of campaigns. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { PAGE } from "@/api/reading";
import type { components } from "@/api/schema";

export type Campaign = components["schemas"]["Campaign"];
export type CampaignStatus = Campaign["status"];

/** Campaigns in one state, or all of them. */
export const campaignsIn = (status: CampaignStatus | null) =>
  infiniteQueryOptions({
    queryKey: ["campaigns", "in", status],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/campaigns", { params: { query: { status, limit: PAGE, cursor: pageParam } }, signal }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

export const campaignsQuery = campaignsIn(null);

export const campaignQuery = (id: number) =>
  queryOptions({
    queryKey: ["campaigns", id],
    queryFn: ({ signal }) => answer(api.GET("/api/campaigns/{id}", { params: { path: { id } }, signal })),
  });
