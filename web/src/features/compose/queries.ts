/** Queries about a campaign that is being written. */

import { answer, api } from "@/api/client";
import type { components } from "@/api/schema";
import type { Unsubscribe } from "@/features/campaigns/queries";
import type { CampaignRequest } from "./draft/request";

export type Plan = components["schemas"]["Preview"];
export type Rendered = components["schemas"]["Rendered"];

/** For answers to what was typed: nobody asks the same again. */
export const ASKED_ONCE = { refetchOnWindowFocus: false, refetchOnReconnect: false, gcTime: 60_000 } as const;

/** Throws ApiProblem. */
export function plan(body: CampaignRequest, signal: AbortSignal): Promise<Plan> {
  return answer(api.POST("/api/campaigns/preview", { body, signal }));
}

export interface RenderRequest {
  subject: string;
  body: string;
  bodyHtml: string | null;
  language: string | null;
  unsubscribe: Unsubscribe;
  email: string;
  /** null: names in brackets stand for the values. */
  fields: Record<string, string> | null;
  /** The sender whose signature it ends with. */
  senderId: number | null;
}

export function render(body: RenderRequest, signal: AbortSignal): Promise<Rendered> {
  return answer(api.POST("/api/campaigns/render", { body, signal }));
}
