import { expect, test } from "vitest";
import type { Campaign } from "../queries";
import { changeable, changesTo, settingsOf } from "./settings";

const CAMPAIGN = {
  ...{ name: "News", subject: "s", body: "b", bodyHtml: null, status: "ACTIVE", total: 2 },
  ...{ startTime: new Date(2026, 10, 24, 16, 3, 20).toISOString(), delayBetweenMs: 1500, hourlyLimit: null },
  ...{ onUnknown: "hold", counts: { SCHEDULED: 2 } },
} as unknown as Campaign;

test("times are those of the person's own clock, delays in seconds, no limit is an empty field", () => {
  expect(settingsOf(CAMPAIGN)).toMatchObject({
    start: "2026-11-24T16:03",
    delaySeconds: 1.5,
    hourlyLimit: "",
  });
});

test("what was not touched is not sent", () => {
  const before = settingsOf(CAMPAIGN);
  expect(changesTo(before, { ...before })).toEqual({});
  expect(changesTo(before, { ...before, name: "Other", delaySeconds: 2.25 })).toEqual({
    name: "Other",
    delayBetweenMs: 2250,
  });
});

test("an emptied limit or HTML is taken away, a new start is sent with its offset", () => {
  const before = { ...settingsOf(CAMPAIGN), hourlyLimit: 100, bodyHtml: "<p>b</p>" };
  const after = { ...before, hourlyLimit: "", bodyHtml: "", start: "2026-12-01T09:00" };
  expect(changesTo(before, after)).toEqual({
    hourlyLimit: null,
    bodyHtml: null,
    startTime: new Date(2026, 11, 1, 9).toISOString(),
  });
});

test("what is begun keeps its start, and what is over all but its name", () => {
  expect(changeable(CAMPAIGN)).toEqual({ content: true, start: true });
  expect(changeable({ ...CAMPAIGN, counts: { SCHEDULED: 1, SENT: 1 } })).toEqual({
    content: true,
    start: false,
  });
  expect(changeable({ ...CAMPAIGN, status: "FINISHED" })).toEqual({ content: false, start: false });
});
