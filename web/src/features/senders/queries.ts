/** Queries of senders. */

import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { ApiProblem } from "@/api/problem";
import { allPages, MOST } from "@/api/reading";
import type { components } from "@/api/schema";

export type Sender = components["schemas"]["Sender"];

/** Not retired: a campaign may go from it. */
export const isChoosable = ({ retiredAt }: Sender) => retiredAt === null;

export type Discovered = components["schemas"]["Discovered"];
export type DnsCheck = components["schemas"]["DnsCheck"];
export type Finding = components["schemas"]["Finding"];

/** Where mailboxes can be connected without a password; what the operator sets up changes with a restart. */
export const mailProvidersQuery = () =>
  queryOptions({
    queryKey: keys.mailProviders(),
    queryFn: ({ signal }) => answer(api.GET("/api/senders/providers", { signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** Takes up to 20 seconds. */
export const discoveredQuery = (email: string) =>
  queryOptions({
    queryKey: keys.discovered(email),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/senders/discover", { params: { query: { email } }, signal })),
    staleTime: 300_000,
    retry: false,
  });

export type WireCheck = components["schemas"]["WireCheck"];
export type Showing = components["schemas"]["Showing"];
export type Imported = components["schemas"]["Imported"];

const CHECK_POLL_MS = 2_000;

/** null: there was none. A worker takes up to five minutes for one. */
export const checkQuery = (id: number) =>
  queryOptions({
    queryKey: keys.senderCheck(id),
    queryFn: async ({ signal }) => {
      try {
        return await answer(api.GET("/api/senders/{id}/check", { params: { path: { id } }, signal }));
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 404) return null;
        throw error;
      }
    },
    refetchInterval: ({ state }) => (state.data?.status === "RUNNING" ? CHECK_POLL_MS : false),
    retry: false,
  });

export const dnsQuery = (id: number) =>
  queryOptions({
    queryKey: keys.senderDns(id),
    queryFn: ({ signal }) => answer(api.GET("/api/senders/{id}/dns", { params: { path: { id } }, signal })),
    staleTime: 300_000,
    retry: false,
  });

export const sendersQuery = () =>
  queryOptions({
    queryKey: keys.senders(),
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        answer(api.GET("/api/senders", { params: { query: { limit: MOST, cursor } }, signal })),
      ),
  });
