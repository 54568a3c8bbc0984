/** A campaign on its way to the API: to be planned, tried or scheduled, as one form with or without a file. */

import { answer, api, request } from "@/api/client";
import type { components } from "@/api/schema";
import { type Draft, fieldsOf, randomKey } from "./draft";
import type { Plan } from "./plan";

export type Scheduled = components["schemas"]["Scheduled"];
export type Rendered = components["schemas"]["Rendered"];

export interface Recipient {
  email: string;
  fields: Record<string, string>;
}

/** What the API gets as recipients: a CSV, or a list. */
export type RecipientSource = Blob | readonly Record<string, string>[];

export interface CampaignRequest {
  fields: Record<string, string>;
  source: RecipientSource;
}

function formOf({ fields, source }: CampaignRequest): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  if (source instanceof Blob) form.append("file", source, "recipients.csv");
  else form.append("recipients", JSON.stringify(source));
  return form;
}

async function post<T>(path: string, campaign: CampaignRequest, init: RequestInit): Promise<T> {
  const url = new URL(path, location.origin);
  const response = await request(new Request(url, { method: "POST", body: formOf(campaign), ...init }));
  return (await response.json()) as T;
}

/** Throws ApiProblem, as all of these do. */
export function plan(campaign: CampaignRequest, signal: AbortSignal): Promise<Plan> {
  return post("/api/campaigns/preview", campaign, { signal });
}

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

export interface RenderRequest {
  subject: string;
  body: string;
  bodyHtml: string | null;
  email: string;
  /** null: names in brackets stand for the values. */
  fields: Record<string, string> | null;
}

export function render(body: RenderRequest, signal: AbortSignal): Promise<Rendered> {
  return answer(api.POST("/api/campaigns/render", { body, signal }));
}
