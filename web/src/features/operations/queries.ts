/** What is read of the installation: figures, the sandbox mailbox, its people. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { PAGE } from "@/api/reading";
import type { components, paths } from "@/api/schema";

export type SandboxMessage = components["schemas"]["SandboxMessage"];

export const hourlyQuery = (query: paths["/api/stats/hourly"]["get"]["parameters"]["query"]) =>
  queryOptions({
    queryKey: ["stats", "hourly", query],
    queryFn: ({ signal }) => answer(api.GET("/api/stats/hourly", { params: { query }, signal })),
  });

/** `dueBefore`: RFC 3339, what is due until then is counted. */
export const totalsQuery = (dueBefore: string) =>
  queryOptions({
    queryKey: ["stats", "totals", dueBefore],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/stats/totals", { params: { query: { dueBefore } }, signal })),
  });

export const sandboxQuery = infiniteQueryOptions({
  queryKey: ["sandbox"],
  queryFn: ({ pageParam, signal }) =>
    answer(
      api.GET("/api/sandbox/messages", { params: { query: { limit: PAGE, cursor: pageParam } }, signal }),
    ),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.nextCursor,
});

/** The newest alone, to learn cheaply whether something has come. */
export const newestInSandboxQuery = queryOptions({
  queryKey: ["newest in sandbox"],
  queryFn: ({ signal }) =>
    answer(api.GET("/api/sandbox/messages", { params: { query: { limit: 1 } }, signal })),
});

export const sandboxMessageQuery = (id: number) =>
  queryOptions({
    queryKey: ["sandbox message", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/sandbox/messages/{id}", { params: { path: { id } }, signal })),
    staleTime: Number.POSITIVE_INFINITY, // what was received does not change
  });

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/users", { params: { query: { limit: 500 } }, signal })),
});

export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/invitations", { signal })),
});
