/** Queries of the installation: figures, the sandbox mailbox, its people. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { PAGE } from "@/api/reading";
import type { components, paths } from "@/api/schema";

export type SandboxMessage = components["schemas"]["SandboxMessage"];
export type SandboxSummary = components["schemas"]["SandboxSummary"];

export const hourlyQuery = (query: paths["/api/stats/hourly"]["get"]["parameters"]["query"]) =>
  queryOptions({
    queryKey: keys.stats.hourly(query),
    queryFn: ({ signal }) => answer(api.GET("/api/stats/hourly", { params: { query }, signal })),
  });

/** `dueBefore`: RFC 3339, what is due until then is counted. */
export const totalsQuery = (dueBefore: string) =>
  queryOptions({
    queryKey: keys.stats.totals(dueBefore),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/stats/totals", { params: { query: { dueBefore } }, signal })),
  });

/** `q`: of whose address it is a part. */
export const sandboxQuery = (q?: string) =>
  infiniteQueryOptions({
    queryKey: keys.sandbox.list(q),
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/sandbox/messages", {
          params: { query: { q, limit: PAGE, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

/** The newest alone, to learn cheaply whether something has come. */
export const newestInSandboxQuery = () =>
  queryOptions({
    queryKey: keys.sandbox.newest(),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/sandbox/messages", { params: { query: { limit: 1 } }, signal })),
  });

export const sandboxMessageQuery = (id: number) =>
  queryOptions({
    queryKey: keys.sandbox.one(id),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/sandbox/messages/{id}", { params: { path: { id } }, signal })),
    staleTime: Number.POSITIVE_INFINITY, // what was received does not change
  });

/** Troubles that need a person now. */
export const alertsQuery = () =>
  queryOptions({
    queryKey: keys.alerts(),
    queryFn: ({ signal }) => answer(api.GET("/api/alerts", { signal })),
    refetchInterval: 60_000,
  });

/** `q`: a part of the address; without it, all accounts. */
export const usersQuery = (q: string | undefined) =>
  infiniteQueryOptions({
    queryKey: keys.users.found({ q }),
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/admin/users", {
          params: { query: { limit: PAGE, cursor: pageParam, ...(q && { q }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: keepPreviousData,
  });

/** The audit log of all accounts and of the installation. */
export const accountsAuditQuery = () =>
  infiniteQueryOptions({
    queryKey: keys.users.audit(),
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET("/api/admin/audit", { params: { query: { limit: PAGE, cursor: pageParam } }, signal })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

export const invitationsQuery = () =>
  infiniteQueryOptions({
    queryKey: keys.invitations(),
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/admin/invitations", { params: { query: { limit: PAGE, cursor: pageParam } }, signal }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
