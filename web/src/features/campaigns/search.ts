/** What the pages of campaigns keep in the address, so that a link or a reload shows the same. */

import { VALUES } from "@/api/constants";
import { type EmailSearch, emailSearch } from "@/features/ledger/search";
import { oneOf, type Search } from "@/ui/searchParams";
import type { CampaignStatus } from "./queries";

export interface CampaignsSearch {
  status?: CampaignStatus | undefined;
}

/** Of the emails' filters it has those that make sense within one campaign. */
export interface CampaignSearch extends EmailSearch {
  tab?: CampaignTab | undefined;
}

const TABS = ["emails", "content", "settings", "hours"] as const;
export type CampaignTab = (typeof TABS)[number];

export function campaignsSearch(search: Search): CampaignsSearch {
  return { status: oneOf(VALUES.Campaign.status, search.status) };
}

export function campaignSearch(search: Search): CampaignSearch {
  const { q, status } = emailSearch(search);
  return { q, status, tab: oneOf(TABS, search.tab) };
}
