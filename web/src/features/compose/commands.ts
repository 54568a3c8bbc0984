/** A campaign is scheduled, or tried on somebody. */

import type { components } from "@/api/schema";
import { type CampaignRequest, post, type Recipient } from "./campaignRequest";
import type { Content, Draft } from "./draft/draft";
import { testFields } from "./draft/request";
import { randomKey } from "./sending/attempt";

export type Scheduled = components["schemas"]["Scheduled"];

/** The same `key` with the same campaign schedules it once, however often it is asked for. */
export function schedule(campaign: CampaignRequest, key: string): Promise<Scheduled> {
  return post("/api/campaigns/schedule", campaign, { headers: { "Idempotency-Key": key } });
}

/** Sends what `recipient` would get of `content` to `address`, at once. */
export function sendTest(
  draft: Draft,
  content: Content,
  address: string,
  recipient: Recipient | undefined,
): Promise<Scheduled> {
  const source = [{ ...recipient?.fields, email: address }];
  return schedule({ fields: testFields(draft, content), source }, randomKey());
}
