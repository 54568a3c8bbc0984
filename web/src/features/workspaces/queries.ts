/** Queries of workspaces: one's own, the members of the selected one and the invitations into it. */

import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";

export type Workspace = components["schemas"]["Workspace"];
export type Member = components["schemas"]["Member"];
export type Offer = components["schemas"]["Offer"];
export type WorkspaceInvitation = components["schemas"]["WorkspaceInvitation"];

export const workspacesQuery = () =>
  queryOptions({
    queryKey: keys.workspaces(),
    queryFn: ({ signal }) => answer(api.GET("/api/workspaces", { signal })),
    staleTime: 60_000,
  });

export const membersQuery = () =>
  queryOptions({
    queryKey: keys.members.list(),
    queryFn: ({ signal }) => answer(api.GET("/api/members", { signal })),
  });

/** For owners. */
export const workspaceInvitationsQuery = () =>
  queryOptions({
    queryKey: keys.members.invitations(),
    queryFn: ({ signal }) => answer(api.GET("/api/members/invitations", { signal })),
  });

/** The offer that an invitation's link leads to. Asked once: the API lets nobody ask often, and its answer stays. */
export const offerQuery = (token: string) =>
  queryOptions({
    queryKey: keys.offer(token),
    queryFn: ({ signal }) => answer(api.POST("/api/auth/invitation", { body: { token }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
    retryOnMount: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
