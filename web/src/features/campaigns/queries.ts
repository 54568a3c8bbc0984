/** Queries of campaigns. */

import { infiniteQueryOptions, keepPreviousData, queryOptions, skipToken } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { PAGE } from "@/api/reading";
import type { components, paths } from "@/api/schema";

export type Campaign = components["schemas"]["Campaign"];
export type CampaignStep = components["schemas"]["CampaignStep"];
export type CampaignStatus = Campaign["status"];
export type OnUnknown = Campaign["onUnknown"];
export type Unsubscribe = NonNullable<Campaign["unsubscribe"]>;
export type Planned = components["schemas"]["Planned"];
export type Forecast = components["schemas"]["Forecast"];
export type Given = components["schemas"]["Given"];

/** The other parameters that campaigns are looked for by. */
export type CampaignsAsked = Omit<
  NonNullable<paths["/api/campaigns"]["get"]["parameters"]["query"]>,
  "status" | "limit" | "cursor"
>;

/** Campaigns in one state, or all of them. */
export const campaignsIn = (status: CampaignStatus | null, more: CampaignsAsked = {}) =>
  infiniteQueryOptions({
    queryKey: keys.campaigns.list(Object.keys(more).length > 0 ? { status, ...more } : status),
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/campaigns", {
          params: { query: { ...more, status, limit: PAGE, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

export const campaignQuery = (id: number) =>
  queryOptions({
    queryKey: keys.campaigns.one(id),
    queryFn: ({ signal }) => answer(api.GET("/api/campaigns/{id}", { params: { path: { id } }, signal })),
  });

/** Its first plan beside what was sent. Many emails are looked at for it, so it is read anew seldom. */
export const forecastQuery = (id: number) =>
  queryOptions({
    queryKey: keys.campaigns.forecast(id),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/campaigns/{id}/forecast", { params: { path: { id } }, signal })),
    refetchInterval: 30_000,
  });

/** Why `n` of its emails were cancelled: asked anew once they are more. */
export const cancelledQuery = (id: number, n: number) =>
  queryOptions({
    queryKey: keys.campaigns.cancelled(id, n),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/campaigns/{id}/cancelled", { params: { path: { id } }, signal })),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });

/** Emails planned for so many hours from now on, of one sender or of all. */
export const plannedQuery = (query: { hours: number; senderId?: number | undefined }) =>
  queryOptions({
    queryKey: keys.stats.planned(query),
    queryFn: ({ signal }) => answer(api.GET("/api/stats/planned", { params: { query }, signal })),
    placeholderData: keepPreviousData,
  });

/** For a page that may name one. */
export const campaignIfAny = (id: number | undefined) =>
  queryOptions({
    queryKey: keys.campaigns.one(id ?? 0),
    queryFn:
      id === undefined
        ? skipToken
        : ({ signal }) => answer(api.GET("/api/campaigns/{id}", { params: { path: { id } }, signal })),
  });
