/** What is read of campaigns. */

import { infiniteQueryOptions, keepPreviousData, queryOptions, skipToken } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { PAGE } from "@/api/reading";
import type { components } from "@/api/schema";

export type Campaign = components["schemas"]["Campaign"];
export type CampaignStatus = Campaign["status"];
export type OnUnknown = Campaign["onUnknown"];
export type Unsubscribe = NonNullable<Campaign["unsubscribe"]>;
export type Planned = components["schemas"]["Planned"];
export type Forecast = components["schemas"]["Forecast"];
export type Given = components["schemas"]["Given"];

/** Campaigns in one state, or all of them. */
export const campaignsIn = (status: CampaignStatus | null) =>
  infiniteQueryOptions({
    queryKey: keys.campaigns.list(status),
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/campaigns", { params: { query: { status, limit: PAGE, cursor: pageParam } }, signal }),
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

/** What is planned for so many hours from now on, of one sender or of all. */
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
