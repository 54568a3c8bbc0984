/** Queries of emails and of the attempts at each. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { PAGE } from "@/api/reading";
import type { components, paths } from "@/api/schema";

type Schemas = components["schemas"];

export type Attempt = Schemas["Attempt"];
export type Email = Schemas["Email"];
export type Held = Schemas["Held"];
export type EmailSummary = Schemas["EmailSummary"];
export type EmailStatus = Email["status"];
export type CancelReason = NonNullable<Email["cancelReason"]>;
export type Failures = Schemas["Failures"];
export type FailureDecision = Schemas["FailureDecision"];
export type FailureReason = Schemas["FailureGroup"]["reason"];
export type EmailFilter = Omit<
  NonNullable<paths["/api/emails"]["get"]["parameters"]["query"]>,
  "cursor" | "limit"
>;

export const emailsQuery = (filter: EmailFilter) =>
  infiniteQueryOptions({
    queryKey: keys.emails.list(filter),
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/emails", { params: { query: { ...filter, limit: PAGE, cursor: pageParam } }, signal }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

/** Emails that failed and wait for a word, by reason. Asked often while some of them move. */
export const failuresQuery = (campaignId?: number) =>
  queryOptions({
    queryKey: keys.emails.failures(campaignId),
    queryFn: ({ signal }) => answer(api.GET("/api/failures", { params: { query: { campaignId } }, signal })),
    refetchInterval: ({ state: { data } }) => (data && isMoving(data) ? 1_500 : 30_000),
  });

export function isMoving({ failed, decisions }: Failures): boolean {
  return failed.unsorted > 0 || decisions.some((decision) => !decision.finishedAt);
}

export const emailQuery = (id: number) =>
  queryOptions({
    queryKey: keys.emails.one(id),
    queryFn: ({ signal }) => answer(api.GET("/api/emails/{id}", { params: { path: { id } }, signal })),
  });

export const emailMessageQuery = (id: number) =>
  queryOptions({
    queryKey: keys.emails.message(id),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/emails/{id}/message", { params: { path: { id } }, signal })),
  });
