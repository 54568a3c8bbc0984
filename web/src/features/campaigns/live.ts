/** What the stream of events changes about campaigns. */

import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import type { Events, Live } from "@/api/eventStream";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { campaignQuery, campaignsIn } from "./queries";
import { sentRates } from "./sentRates";

export type CampaignEvent = Events["campaign"];
type CampaignPages = InfiniteData<components["schemas"]["CampaignPage"], string | null>;

/** What an event said cannot be put into the lists as they are: campaigns are to come in or go. */
let listsAreOld = false;

export const campaignsLive: Live = {
  hear: {
    campaign(queries, event) {
      sentRates.add(event.id, event.counts.SENT ?? 0, Date.now());
      const isBeingRead = queries.isFetching({ queryKey: keys.campaigns.lists() }) > 0; // and may say what was before
      if (applyCampaign(queries, event) || isBeingRead) listsAreOld = true;
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

/** Put what an event says into every list and page that shows the campaign. Whether lists are to be read anew. */
export function applyCampaign(queries: QueryClient, event: CampaignEvent): boolean {
  queries.setQueryData(campaignQuery(event.id).queryKey, (old) => old && { ...old, ...event });
  let moved = false;
  for (const [key, data] of queries.getQueriesData<CampaignPages>({ queryKey: keys.campaigns.lists() })) {
    const old = data?.pages.flatMap((page) => page.items).find((campaign) => campaign.id === event.id);
    if (!data || !old) continue;
    moved ||= old.status !== event.status;
    const pages = data.pages.map((page) => ({
      ...page,
      items: page.items.map((campaign) => (campaign.id === event.id ? { ...campaign, ...event } : campaign)),
    }));
    queries.setQueryData<CampaignPages>(key, { ...data, pages });
  }
  return moved || isNew(queries, event.id);
}

/** Newer than the newest that was read: somebody has just scheduled it. */
function isNew(queries: QueryClient, id: number): boolean {
  const all = queries.getQueryData<CampaignPages>(campaignsIn(null).queryKey);
  return all !== undefined && id > (all.pages[0]?.items[0]?.id ?? 0);
}
