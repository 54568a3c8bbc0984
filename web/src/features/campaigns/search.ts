/** The state that the pages of campaigns keep in the address, so that a link or a reload shows the same. */

import { VALUES } from "@/api/constants";
import { type EmailSearch, emailSearch } from "@/features/ledger/search";
import { idIn, oneOf, type Search, textIn } from "@/ui/searchParams";
import type { CampaignStatus } from "./queries";

export interface CampaignsSearch {
  status?: CampaignStatus | undefined;
  q?: string | undefined;
  senderId?: number | undefined;
  order?: CampaignOrder | undefined;
  archived?: true | undefined;
  compact?: true | undefined;
}

/** Newest first is what there is without one. */
const ORDERS = ["oldest", "name"] as const;
export type CampaignOrder = (typeof ORDERS)[number];

/** Of the emails' filters it has those that make sense within one campaign. */
export interface CampaignSearch extends EmailSearch {
  tab?: CampaignTab | undefined;
}

const TABS = ["emails", "content", "settings", "hours"] as const;
export type CampaignTab = (typeof TABS)[number];

export function campaignsSearch(search: Search): CampaignsSearch {
  return {
    status: oneOf(VALUES.Campaign.status, search.status),
    q: textIn(search.q),
    senderId: idIn(search.senderId),
    order: oneOf(ORDERS, search.order),
    archived: search.archived === true ? true : undefined,
    compact: search.compact === true ? true : undefined,
  };
}

export function campaignSearch(search: Search): CampaignSearch {
  const { q, status } = emailSearch(search);
  return { q, status, tab: oneOf(TABS, search.tab) };
}
