// @vitest-environment jsdom
import { QueryClient } from "@tanstack/react-query";
import { beforeEach, expect, test } from "vitest";
import { type CampaignEvent, campaignsLive, hearCampaign, putCampaign, putChanged } from "./live";
import { type Campaign, type CampaignStatus, campaignQuery, campaignsIn } from "./queries";

let queries: QueryClient;
beforeEach(() => {
  queries = new QueryClient();
});

const counts = (sent: number) => ({
  SCHEDULED: 9 - sent,
  SENDING: 0,
  SENT: sent,
  FAILED: 0,
  UNKNOWN: 0,
  CANCELLED: 0,
});
const campaign = (id: number, sent = 0) =>
  ({ id, name: `Campaign ${id}`, status: "ACTIVE", total: 9, counts: counts(sent) }) as unknown as Campaign;

function event(id: number, sent: number, status: CampaignStatus = "ACTIVE"): CampaignEvent {
  const times = { nextAt: null, lastAt: null, finishedAt: null };
  return { id, status, total: 9, counts: counts(sent), usedThisHour: sent, ...times };
}

function list(status: CampaignStatus | null, ...pages: Campaign[][]) {
  queries.setQueryData(campaignsIn(status).queryKey, {
    pages: pages.map((items) => ({ items, nextCursor: null })),
    pageParams: pages.map(() => null),
  });
}

const listed = (status: CampaignStatus | null = null) =>
  queries.getQueryData(campaignsIn(status).queryKey)?.pages.flatMap((page) => page.items);
const isStale = (status: CampaignStatus | null = null) =>
  queries.getQueryState(campaignsIn(status).queryKey)?.isInvalidated;

test("an event changes the campaign in every page of every list and on its own page", () => {
  list(null, [campaign(3)], [campaign(2), campaign(1)]);
  list("ACTIVE", [campaign(2)]);
  queries.setQueryData(campaignQuery(2).queryKey, campaign(2));
  expect(hearCampaign(queries, event(2, 4))).toBe(false);
  expect(listed()?.map((each) => each.counts.SENT)).toEqual([0, 4, 0]);
  expect(listed("ACTIVE")?.[0]?.usedThisHour).toBe(4);
  expect(queries.getQueryData(campaignQuery(2).queryKey)).toMatchObject({
    name: "Campaign 2",
    counts: counts(4),
  });
});

test("what was never read stays unread", () => {
  list(null, [campaign(3)]);
  expect(hearCampaign(queries, event(2, 4))).toBe(false);
  expect(queries.getQueryData(campaignQuery(2).queryKey)).toBeUndefined();
  expect(listed()?.map((each) => each.id)).toEqual([3]);
});

test("a campaign newer than the newest read makes the lists be read anew, into an empty one too", () => {
  list(null, [campaign(3)]);
  expect(hearCampaign(queries, event(4, 0))).toBe(true);
  list(null, []);
  expect(hearCampaign(queries, event(1, 0))).toBe(true);
});

test("an event of another state is a reason to ask: it may be older than a pause that was just answered", () => {
  list("ACTIVE", [campaign(2)]);
  queries.setQueryData(campaignQuery(2).queryKey, campaign(2));
  putCampaign(queries, { ...campaign(2, 4), status: "PAUSED" });
  expect(listed("ACTIVE")?.[0]?.status).toBe("PAUSED");
  campaignsLive.hear?.campaign?.(queries, event(2, 3)); // as it was a moment before
  expect(listed("ACTIVE")?.[0]).toMatchObject({ status: "PAUSED", counts: counts(4) });
  expect(queries.getQueryData(campaignQuery(2).queryKey)).toMatchObject({
    status: "PAUSED",
    counts: counts(4),
  });
  expect(queries.getQueryState(campaignQuery(2).queryKey)?.isInvalidated).toBe(true);
  expect(isStale("ACTIVE")).toBe(false);
  void campaignsLive.follow?.(queries);
  expect(isStale("ACTIVE")).toBe(true);
});

test("what keeps its state goes on where another list has it in the state before", () => {
  list(null, [campaign(2)]);
  list("PAUSED", [{ ...campaign(2), status: "PAUSED" }]);
  expect(hearCampaign(queries, event(2, 4))).toBe(true);
  expect(listed()?.[0]?.counts.SENT).toBe(4);
  expect(listed("PAUSED")?.[0]?.counts.SENT).toBe(0);
});

test("what is being read as a change is answered may be of before it, and does not undo it", async () => {
  const { queryKey } = campaignQuery(2);
  queries.setQueryData(queryKey, campaign(2));
  let answer = (_: Campaign) => {};
  const before = new Promise<Campaign>((resolve) => {
    answer = resolve;
  });
  const reading = queries.fetchQuery({ queryKey, queryFn: () => before });
  putChanged(queries, campaign(2, 4));
  answer(campaign(2));
  await reading;
  expect(queries.getQueryData(queryKey)).toEqual(campaign(2, 4));
  expect(queries.getQueryState(queryKey)?.isInvalidated, "it may have told of a later one").toBe(true);
});
