/** Live updates of campaigns, from the stream of events. */

import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import type { Events, Live } from "@/api/eventStream";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { type Campaign, campaignQuery, campaignsIn } from "./queries";
import { sentRates } from "./sentRates";

export type CampaignEvent = Events["campaign"];
type CampaignPages = InfiniteData<components["schemas"]["CampaignPage"], string | null>;

/** An event told something that cannot be put into the lists as they are. */
let listsAreOld = false;

export const campaignsLive: Live = {
  hear: {
    campaign(queries, event) {
      sentRates.add(event.id, event.counts.SENT ?? 0, Date.now());
      const isBeingRead = queries.isFetching({ queryKey: keys.campaigns.lists() }) > 0; // and may say what was before
      if (hearCampaign(queries, event) || isBeingRead) listsAreOld = true;
    },
  },
  begin(queries, again) {
    sentRates.clear();
    if (again) void queries.invalidateQueries({ queryKey: keys.campaigns.all() });
  },
  follow(queries) {
    if (!listsAreOld) return undefined;
    listsAreOld = false;
    // Those not on the page too: the next event is compared with them.
    return queries.invalidateQueries({ queryKey: keys.campaigns.lists(), refetchType: "all" });
  },
};

/**
 * Put what a change answered where the campaign is shown by itself. What is being read there may be of before it, or tell
 * of somebody's later change, so it is read anew.
 */
export function putChanged(queries: QueryClient, campaign: Campaign): void {
  const { queryKey } = campaignQuery(campaign.id);
  void queries.cancelQueries({ queryKey, exact: true });
  queries.setQueryData(queryKey, campaign);
  void queries.invalidateQueries({ queryKey, exact: true });
}

/** Put what a command answered into every list and page that shows the campaign. */
export function putCampaign(queries: QueryClient, campaign: Campaign): void {
  queries.setQueryData(campaignQuery(campaign.id).queryKey, (old) => old && campaign);
  putIntoLists(queries, campaign);
}

/**
 * Put what an event says wherever the campaign is shown in the same state. Whether lists are to be read anew.
 *
 * An event of another state may have been on its way while somebody paused the campaign here, and is then older than what
 * is shown. So a turn is no more than a reason to ask.
 */
export function hearCampaign(queries: QueryClient, event: CampaignEvent): boolean {
  const { queryKey } = campaignQuery(event.id);
  const shown = queries.getQueryData(queryKey);
  if (shown?.status === event.status) queries.setQueryData(queryKey, { ...shown, ...event });
  else if (shown) void queries.invalidateQueries({ queryKey });
  return putIntoLists(queries, event, ({ status }) => status === event.status) || isNew(queries, event.id);
}

/** Whether a list has the campaign and keeps it as it was, since what was told does not fit it. */
function putIntoLists(
  queries: QueryClient,
  told: CampaignEvent | Campaign,
  fits: (old: Campaign) => boolean = () => true,
): boolean {
  let kept = false;
  for (const [key, data] of queries.getQueriesData<CampaignPages>({ queryKey: keys.campaigns.lists() })) {
    const old = data?.pages.flatMap((page) => page.items).find((campaign) => campaign.id === told.id);
    if (!data || !old) continue;
    if (!fits(old)) {
      kept = true;
      continue;
    }
    const pages = data.pages.map((page) => ({
      ...page,
      items: page.items.map((campaign) => (campaign.id === told.id ? { ...campaign, ...told } : campaign)),
    }));
    queries.setQueryData<CampaignPages>(key, { ...data, pages });
  }
  return kept;
}

/** Newer than the newest that was read: somebody has just scheduled it. */
function isNew(queries: QueryClient, id: number): boolean {
  const all = queries.getQueryData<CampaignPages>(campaignsIn(null).queryKey);
  return all !== undefined && id > (all.pages[0]?.items[0]?.id ?? 0);
}
