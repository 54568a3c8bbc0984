/** What is read of lists of recipients. */

import { queryOptions } from "@tanstack/react-query";
import { answer, api, request } from "@/api/client";
import { keys } from "@/api/keys";
import { allPages, MOST } from "@/api/reading";
import type { components } from "@/api/schema";

/** As the dashboard makes them of what is typed. A type, since an interface is none of the API's open objects. */
export type Person = { email: string; name?: string };

export type StoredList = components["schemas"]["StoredList"];

export type SavedList = components["schemas"]["SavedList"];

/** One of the API's, with all of its parts. */
export type Condition = Required<components["schemas"]["Condition"]>;

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
