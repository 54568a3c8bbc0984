/** What lists keep in the address, so that a link or a reload shows the same: read from whatever stands there. */

import type { CampaignStatus, EmailStatus } from "@/api/queries";

export interface EmailSearch {
  q?: string | undefined;
  campaignId?: number | undefined;
  senderId?: number | undefined;
  status?: EmailStatus | undefined;
}

export interface CampaignsSearch {
  status?: CampaignStatus | undefined;
}

export interface CampaignSearch extends EmailSearch {
  tab?: CampaignTab | undefined;
}

const EMAIL: readonly EmailStatus[] = ["SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED"];
const CAMPAIGN: readonly CampaignStatus[] = ["ACTIVE", "PAUSED", "CANCELLED", "FINISHED"];
const TABS = ["emails", "content", "settings", "hours"] as const;
export type CampaignTab = (typeof TABS)[number];

type Raw = Readonly<Record<string, unknown>>;

export function emailSearch(search: Raw): EmailSearch {
  return {
    q: text(search.q),
    campaignId: id(search.campaignId),
    senderId: id(search.senderId),
    status: oneOf(EMAIL, search.status),
  };
}

export function campaignsSearch(search: Raw): CampaignsSearch {
  return { status: oneOf(CAMPAIGN, search.status) };
}

export function campaignSearch(search: Raw): CampaignSearch {
  return { q: text(search.q), status: oneOf(EMAIL, search.status), tab: oneOf(TABS, search.tab) };
}

/** Where the CSV of the same list is. */
export function exportPath(search: EmailSearch): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) if (value !== undefined) query.set(name, `${value}`);
  return `/api/emails/export${query.size > 0 ? `?${query}` : ""}`;
}

/** The router reads `?q=12` as a number. */
function text(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") return undefined;
  return `${value}`.trim() || undefined;
}

function id(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : undefined;
}

function oneOf<T extends string>(values: readonly T[], value: unknown): T | undefined {
  return values.find((each) => each === value);
}
