import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";

export type Signature = components["schemas"]["Signature"];

/** The signature of a sender's messages. */
export const signatureQuery = (senderId: number) =>
  queryOptions({
    queryKey: keys.signature(senderId),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/senders/{id}/signature", { params: { path: { id: senderId } }, signal })),
  });
