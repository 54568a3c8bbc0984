/** Queries of responses: replies, bounces, complaints, opt-outs. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { PAGE } from "@/api/reading";
import type { components, paths } from "@/api/schema";

type Schemas = components["schemas"];

export type Response = Schemas["Response"];
export type ResponseSummary = Schemas["ResponseSummary"];
export type ThreadItem = Schemas["ThreadItem"];
export type ThreadEmail = Schemas["ThreadEmail"];
/** The kinds that a person may say a response is of. */
export type Kind = NonNullable<Schemas["ResponseUpdate"]["kind"]>;
export type ResponseFilter = Omit<
  NonNullable<paths["/api/responses"]["get"]["parameters"]["query"]>,
  "cursor" | "limit"
>;

/** The latest first. */
export const responsesQuery = (filter: ResponseFilter) =>
  infiniteQueryOptions({
    queryKey: keys.responses.list(filter),
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/responses", {
          params: { query: { ...filter, limit: PAGE, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

export const threadQuery = (id: number) =>
  queryOptions({
    queryKey: keys.responses.thread(id),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/responses/{id}/thread", { params: { path: { id } }, signal })),
  });

/** How many nobody has read, of each kind. */
export const unreadQuery = () =>
  queryOptions({
    queryKey: keys.responses.unread(),
    queryFn: ({ signal }) => answer(api.GET("/api/responses/unread", { signal })),
  });

/** Those in use. */
export const labelsQuery = () =>
  queryOptions({
    queryKey: keys.responses.labels(),
    queryFn: ({ signal }) => answer(api.GET("/api/responses/labels", { signal })),
  });
