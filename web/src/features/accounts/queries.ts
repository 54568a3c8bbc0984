/** Queries of the account, and of the ways into it. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api, inNameOf } from "@/api/client";
import { keys } from "@/api/keys";
import { allPages, MOST, PAGE } from "@/api/reading";
import { session } from "@/api/session";

/** How one gets in here; asked before anybody is logged in. */
export const waysQuery = queryOptions({
  queryKey: keys.ways,
  queryFn: ({ signal }) => answer(api.GET("/api/auth/ways", { signal })),
  staleTime: 60_000,
});

/** Fails with a 401 when nobody is logged in. */
export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: async ({ signal }) => {
    const user = await answer(api.GET("/api/auth/me", { signal }));
    session.begin(user);
    return user;
  },
  staleTime: Number.POSITIVE_INFINITY,
});

/** The user of the browser's session by now, though this page be another's. Asked anew each time. */
export const whoNowQuery = queryOptions({
  queryKey: keys.whoNow,
  queryFn: ({ signal }) => answer(api.GET("/api/auth/me", { headers: inNameOf(null), signal })),
  staleTime: 0,
  gcTime: 0,
});

export const sessionsQuery = () =>
  queryOptions({
    queryKey: keys.sessions(),
    queryFn: ({ signal }) => answer(api.GET("/api/auth/sessions", { signal })),
  });

export const keysQuery = () =>
  queryOptions({
    queryKey: keys.apiKeys(),
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        answer(api.GET("/api/keys", { params: { query: { limit: MOST, cursor } }, signal })),
      ),
  });

export const auditQuery = () =>
  infiniteQueryOptions({
    queryKey: keys.audit(),
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET("/api/audit", { params: { query: { limit: PAGE, cursor: pageParam } }, signal })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
