// @vitest-environment jsdom
import { expect, it } from "vitest";
import { OFFICE_HOURS } from "@/features/campaigns/calendar";
import type { Campaign } from "@/features/campaigns/queries";
import { type Draft, EMPTY } from "../draft/draft";
import { asCampaign, asTemplate, type Beginning } from "./beginnings";

const begun = (beginning: Beginning, draft: Draft = EMPTY) => beginning.of(draft);

it("begins with the text of a template, and keeps everything else", () => {
  const listed: Draft = { ...EMPTY, audience: { ...EMPTY.audience, typed: 5 }, name: "Mine" };
  const draft = begun(
    asTemplate({ subject: "S", body: "", bodyHtml: "<p>Hello</p>", language: "de" }),
    listed,
  );
  expect(draft.steps[0].content).toMatchObject({ subject: "S", body: "Hello", rich: true, language: "de" });
  expect(draft.audience.typed).toBe(5);
  expect(draft.name).toBe("Mine");
});

it("has nothing of the text before, nor is it the workspace's draft of that", () => {
  const [first] = EMPTY.steps;
  const variants = [{ id: "b", weight: 1, content: { ...first.content, subject: "Variant B" } }];
  const varied: Draft = {
    ...EMPTY,
    steps: [
      { ...first, weight: 3, variants },
      { ...first, id: "later" },
    ],
    following: { ...EMPTY.following, stopOnAutoReply: true },
    audience: { ...EMPTY.audience, typed: 5, notDays: 30 },
    attempt: { key: "k", print: "p" },
    keptAs: 7,
  };
  const template = asTemplate({ subject: "S", body: "T", bodyHtml: null, language: null });
  const campaign = { subject: "S", body: "T", bodyHtml: null, senderIds: [7], delayBetweenMs: 0 } as Campaign;
  for (const beginning of [template, asCampaign(campaign), asCampaign(campaign, 12)]) {
    const draft = begun(beginning, varied);
    expect(draft).toMatchObject({ keptAs: null, attempt: null, following: EMPTY.following });
    expect(draft.steps).toHaveLength(1);
    expect([draft.steps[0].variants, draft.steps[0].weight]).toEqual([undefined, undefined]);
    expect(draft.audience).toEqual(
      beginning.takes === "all" ? { ...EMPTY.audience, source: "file", file: 12 } : varied.audience,
    );
  }
});

it("begins as a campaign was, but for its list, its start and its end", () => {
  const campaign = {
    name: "News",
    subject: "S",
    body: "B",
    bodyHtml: null,
    senderId: 7,
    senderIds: [7, 9],
    jitterPercent: 20,
    calendar: OFFICE_HOURS,
    delayBetweenMs: 120_000,
    hourlyLimit: 50,
    onUnknown: "resend",
    startTime: "2020-01-01T00:00:00Z",
    latestAt: "2020-01-02T00:00:00Z",
  } as Campaign;
  const draft = begun(asCampaign(campaign));
  expect(draft).toMatchObject({ name: "News", senderIds: [7, 9], audience: EMPTY.audience });
  expect(draft.timing).toMatchObject({
    when: "now",
    startTime: null,
    latestTime: null,
    delay: 2,
    delayUnit: "minutes",
  });
  expect(draft.timing).toMatchObject({ hourlyLimit: 50, onUnknown: "resend", jitterPercent: 20 });
  expect(draft.timing.calendar).toEqual(OFFICE_HOURS);
  expect(draft.steps[0].content).toMatchObject({ subject: "S", body: "B", rich: false });
  expect(begun(asCampaign(campaign, 12)).audience).toMatchObject({ source: "file", file: 12 });
  expect(begun(asCampaign({ ...campaign, name: "S", delayBetweenMs: 1_500 })).name).toBe("");
  expect(begun(asCampaign({ ...campaign, delayBetweenMs: 1_500 })).timing.delay).toBe(1.5);
});

it("has the follow-ups and the variants of a campaign, but for those that were stopped", () => {
  const texts = (subject: string | null, body: string) => ({ subject, body, bodyHtml: null });
  const step = { businessDays: false, timeOfDay: null, quotes: false };
  const variant = (id: number, of: number, body: string, stoppedAt: string | null = null) => ({
    ...{ id, step: of, weight: id, stoppedAt },
    ...texts(of === 1 ? "S" : null, body),
  });
  const stopped = "2020-01-03T00:00:00Z";
  const campaign = {
    ...{ name: "News", senderIds: [7], delayBetweenMs: 0, replyTo: "ann@example.com", unsubscribe: "header" },
    ...texts("S", "A1"),
    steps: [
      { ...step, id: 1, step: 1, wait: "P0D", ...texts("S", "A1") },
      { ...step, id: 2, step: 2, wait: "P3D", ...texts(null, "A2"), businessDays: true, timeOfDay: "09:30" },
      { ...step, id: 3, step: 3, wait: "PT90S", ...texts("Last", "Well?"), quotes: true },
    ],
    variants: [
      ...[variant(4, 1, "A1"), variant(5, 1, "B1"), variant(6, 1, "C1", stopped)],
      ...[variant(7, 2, "A2", stopped), variant(8, 2, "B2")],
    ],
    stopOn: { autoReply: false, domain: true },
  } as unknown as Campaign;
  const { steps, following } = begun(asCampaign(campaign));
  const [first, second, third] = steps;
  expect(steps).toHaveLength(3);
  expect(first).toMatchObject({
    weight: 4,
    content: { subject: "S", body: "A1", replyTo: "ann@example.com" },
  });
  expect(first.content.unsubscribe).toBe("header");
  expect(first.variants?.map(({ content }) => content.body)).toEqual(["B1"]);
  expect(second).toMatchObject({ inThread: true, timeOfDay: "09:30", content: { body: "B2" }, variants: [] });
  expect(second?.wait).toEqual({ n: 3, unit: "business days" });
  expect(third).toMatchObject({ inThread: false, quotes: true, content: { subject: "Last" } });
  expect(third?.variants).toBeUndefined();
  expect(following).toMatchObject({ stopOnAutoReply: false, stopOnDomain: true });
});
