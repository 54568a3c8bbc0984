/** Queries of lists of recipients. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api, request } from "@/api/client";
import { keys } from "@/api/keys";
import { allPages, MOST, PAGE } from "@/api/reading";
import type { components, paths } from "@/api/schema";

/** As the dashboard makes them of what is typed. A type, since an interface is none of the API's open objects. */
export type Person = { email: string; name?: string };

export type StoredList = components["schemas"]["StoredList"];

export type SavedList = components["schemas"]["SavedList"];

export type Grown = components["schemas"]["Grown"];

/** Recipients of an uploaded file, and what was said about them. */
export type MoreRecipients = Pick<
  paths["/api/saved-lists/{id}/recipients"]["post"]["requestBody"]["content"]["application/json"],
  "listId" | "columns" | "everyAddress" | "correctDomains"
>;

/** One of the API's, with all of its parts. */
export type Condition = Required<components["schemas"]["Condition"]>;

export type Moment = components["schemas"]["Moment"];

/** One recipient over all campaigns, latest first. */
export const recipientQuery = (email: string) =>
  infiniteQueryOptions({
    queryKey: keys.recipients.one(email),
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/recipients", {
          params: { query: { email, limit: PAGE, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

/** Lists that are kept by name. */
export const savedListsQuery = () =>
  queryOptions({
    queryKey: keys.savedLists.list(),
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        answer(api.GET("/api/saved-lists", { params: { query: { limit: MOST, cursor } }, signal })),
      ),
  });

/** The first recipients of one, for the preview. */
export const savedSampleQuery = (id: number) =>
  queryOptions({
    queryKey: keys.savedLists.sample(id),
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/saved-lists/{id}/recipients", {
          params: { path: { id }, query: { limit: 50 } },
          signal,
        }),
      ),
  });

/** The list as it would be with more recipients. */
export const growthQuery = (id: number, more: MoreRecipients) =>
  queryOptions({
    queryKey: keys.savedLists.growth(id, more),
    queryFn: ({ signal }) =>
      answer(
        api.POST("/api/saved-lists/{id}/recipients", {
          params: { path: { id } },
          body: { ...more, preview: true },
          signal,
        }),
      ),
    refetchOnWindowFocus: false,
    gcTime: 0,
  });

/** Of a list, which never changes. */
export const listQuery = (id: number) =>
  queryOptions({
    queryKey: keys.lists.one(id),
    queryFn: ({ signal }) => answer(api.GET("/api/lists/{id}", { params: { path: { id } }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** The recipients of a list that came as JSON. Throws ApiProblem. */
export async function readRecipients(id: number, signal: AbortSignal): Promise<Person[]> {
  const response = await request(new Request(`/api/lists/${id}/content`, { signal }));
  const lines = (await response.text()).split("\n");
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}
