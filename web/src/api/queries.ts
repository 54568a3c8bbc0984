/** What is read from the API, as options for TanStack Query; keys begin with the resource's name. */

import { infiniteQueryOptions, QueryClient, queryOptions } from "@tanstack/react-query";
import { answer, api } from "./client";
import { ApiProblem } from "./problem";
import type { components, paths } from "./schema";
import { session, type User } from "./session";

type Schemas = components["schemas"];

export type { User };
export type Attempt = Schemas["Attempt"];
export type Campaign = Schemas["Campaign"];
export type Email = Schemas["Email"];
export type EmailSummary = Schemas["EmailSummary"];
export type EmailStatus = Email["status"];
export type CampaignStatus = Campaign["status"];
export type Sender = Schemas["Sender"];
export type Delivery = Schemas["Delivery"];
export type Webhook = Schemas["Webhook"];
export type SandboxMessage = Schemas["SandboxMessage"];
export type EmailFilter = Omit<
  NonNullable<paths["/api/emails"]["get"]["parameters"]["query"]>,
  "cursor" | "limit"
>;

const PAGE = 50;

/**
 * How often what moves is read anew while it is shown. The stream of events looks once a second and tells what is
 * another than before: what begins and ends in between, or is undone, it does not see.
 */
export const AGAIN_MS = 5_000;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => failures < 2 && isPassing(error),
      },
    },
  });
}

/** Whether trying again may help: no answer, or a failure of the server's own. */
function isPassing(error: unknown): boolean {
  return error instanceof ApiProblem && (error.status === 0 || error.status >= 500);
}

/** How one gets in here; asked before anybody is logged in. */
export const waysQuery = queryOptions({
  queryKey: ["ways"],
  queryFn: ({ signal }) => answer(api.GET("/api/auth/ways", { signal })),
  staleTime: 60_000,
});

/** Fails with a 401 when nobody is logged in. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async ({ signal }) => {
    const user = await answer(api.GET("/api/auth/me", { signal }));
    session.begin(user);
    return user;
  },
  staleTime: Number.POSITIVE_INFINITY,
});

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

export const emailsQuery = (filter: EmailFilter) =>
  infiniteQueryOptions({
    queryKey: ["emails", filter],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/emails", { params: { query: { ...filter, limit: PAGE, cursor: pageParam } }, signal }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

export const emailQuery = (id: number) =>
  queryOptions({
    queryKey: ["emails", id],
    queryFn: ({ signal }) => answer(api.GET("/api/emails/{id}", { params: { path: { id } }, signal })),
  });

export const emailMessageQuery = (id: number) =>
  queryOptions({
    queryKey: ["emails", id, "message"],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/emails/{id}/message", { params: { path: { id } }, signal })),
  });

export const sendersQuery = queryOptions({
  queryKey: ["senders"],
  queryFn: ({ signal }) => answer(api.GET("/api/senders", { params: { query: { limit: 500 } }, signal })),
});

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

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: ({ signal }) => answer(api.GET("/api/auth/sessions", { signal })),
});

export const keysQuery = queryOptions({
  queryKey: ["keys"],
  queryFn: ({ signal }) => answer(api.GET("/api/keys", { params: { query: { limit: 500 } }, signal })),
});

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/users", { params: { query: { limit: 500 } }, signal })),
});

export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: ({ signal }) => answer(api.GET("/api/admin/invitations", { signal })),
});

export const auditQuery = infiniteQueryOptions({
  queryKey: ["audit"],
  queryFn: ({ pageParam, signal }) =>
    answer(api.GET("/api/audit", { params: { query: { limit: PAGE, cursor: pageParam } }, signal })),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.nextCursor,
});

export const webhooksQuery = queryOptions({
  queryKey: ["webhooks"],
  queryFn: ({ signal }) => answer(api.GET("/api/webhooks", { params: { query: { limit: 100 } }, signal })),
});

export const deliveriesQuery = (id: number) =>
  queryOptions({
    queryKey: ["webhooks", id, "deliveries"],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/webhooks/{id}/deliveries", { params: { path: { id }, query: { limit: 20 } }, signal }),
      ),
  });
