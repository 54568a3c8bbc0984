/** A campaign on its way to the API: one form with or without a file. */

import { request } from "@/api/client";

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

/** Throws ApiProblem, as `request` does. */
export async function post<T>(path: string, campaign: CampaignRequest, init: RequestInit): Promise<T> {
  const url = new URL(path, location.origin);
  const response = await request(new Request(url, { method: "POST", body: formOf(campaign), ...init }));
  return (await response.json()) as T;
}
