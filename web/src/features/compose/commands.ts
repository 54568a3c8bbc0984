/** A campaign is scheduled, or tried. */

import { answer, api } from "@/api/client";
import type { components } from "@/api/schema";
import type { CampaignRequest, TestRequest } from "./draft/request";

export type Scheduled = components["schemas"]["Scheduled"];

/** The same `key` with the same campaign schedules it once, however often it is asked for. */
export function schedule(body: CampaignRequest, key: string): Promise<Scheduled> {
  return answer(
    api.POST("/api/campaigns/schedule", { body, params: { header: { "Idempotency-Key": key } } }),
  );
}

/** To whoever asks, at once. */
export const sendTest = (body: TestRequest) => answer(api.POST("/api/campaigns/test", { body }));
