/** What is read of lists of recipients. */

import { queryOptions } from "@tanstack/react-query";
import { answer, api, request } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";

/** As the dashboard makes them of what is typed. A type, since an interface is none of the API's open objects. */
export type Person = { email: string; name?: string };

export type StoredList = components["schemas"]["StoredList"];

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
