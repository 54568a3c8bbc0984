/** A campaign is scheduled, or tried on somebody. */

import type { components } from "@/api/schema";
import { type CampaignRequest, post, type Recipient } from "./campaignRequest";
import { type Draft, fieldsOf, randomKey } from "./draft/draft";

export type Scheduled = components["schemas"]["Scheduled"];

/** The same `key` with the same campaign schedules it once, however often it is asked for. */
export function schedule(campaign: CampaignRequest, key: string): Promise<Scheduled> {
  return post("/api/campaigns/schedule", campaign, { headers: { "Idempotency-Key": key } });
}

/** Sends what `recipient` would get to `address`, at once. */
export function sendTest(
  draft: Draft,
  address: string,
  recipient: Recipient | undefined,
): Promise<Scheduled> {
  const { subject, body, bodyHtml, senderId } = fieldsOf(draft, undefined);
  const name = `Test: ${draft.name.trim() || draft.subject}`.slice(0, 200);
  const fields = Object.entries({ subject, body, bodyHtml, senderId, name });
  return schedule(
    {
      fields: Object.fromEntries(fields.filter((entry): entry is [string, string] => entry[1] !== undefined)),
      source: [{ ...recipient?.fields, email: address }],
    },
    randomKey(),
  );
}
