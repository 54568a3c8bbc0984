import { expect, test } from "vitest";
import { OFFICE_HOURS } from "../calendar";
import type { Campaign } from "../queries";
import { changeable, changesTo, settingsOf } from "./settings";

const CAMPAIGN = {
  ...{ name: "News", subject: "s", body: "b", bodyHtml: null, status: "ACTIVE", total: 2 },
  ...{ startTime: new Date(2026, 10, 24, 16, 3, 20).toISOString(), delayBetweenMs: 1500, hourlyLimit: null },
  ...{ latestAt: null, calendar: null, jitterPercent: 0, senderIds: [2, 3] },
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
  expect(changesTo(before, { ...before }, "v1")).toEqual({});
  expect(changesTo(before, { ...before, name: "Other", delaySeconds: 2.25 }, "v1")).toEqual({
    name: "Other",
    delayBetweenMs: 2250,
  });
});

test("who changes a text says of which version, so that nobody's newer one is written over unseen", () => {
  const before = settingsOf(CAMPAIGN);
  expect(changesTo(before, { ...before, body: "c", delaySeconds: 2 }, "v1")).toEqual({
    body: "c",
    delayBetweenMs: 2000,
    textsVersion: "v1",
  });
  expect(changesTo(before, { ...before, unsubscribe: "link" }, "v1")).toHaveProperty("textsVersion", "v1");
  expect(changesTo(before, { ...before, hourlyLimit: 5 }, "v1")).not.toHaveProperty("textsVersion");
});

test("an emptied limit or HTML is taken away, a new start is sent with its offset", () => {
  const before = { ...settingsOf(CAMPAIGN), hourlyLimit: 100, bodyHtml: "<p>b</p>" };
  const after = { ...before, hourlyLimit: "", bodyHtml: "", start: "2026-12-01T09:00" };
  expect(changesTo(before, after, "v1")).toEqual({
    hourlyLimit: null,
    bodyHtml: null,
    textsVersion: "v1",
    startTime: new Date(2026, 11, 1, 9).toISOString(),
  });
});

test("a calendar is sent whole where it differs, and an emptied last moment is taken away", () => {
  const before = { ...settingsOf(CAMPAIGN), calendar: OFFICE_HOURS, latest: "2026-12-24T12:00" };
  expect(changesTo(before, { ...before, calendar: { ...OFFICE_HOURS } }, "v1")).toEqual({});
  const after = { ...before, calendar: { ...OFFICE_HOURS, to: "16:00" }, latest: "", jitterPercent: 20 };
  expect(changesTo(before, after, "v1")).toEqual({
    latestAt: null,
    calendar: { ...OFFICE_HOURS, to: "16:00" },
    jitterPercent: 20,
  });
  expect(changesTo(before, { ...before, calendar: null }, "v1")).toEqual({ calendar: null });
  expect(changesTo(before, { ...before, senderIds: ["3"] }, "v1")).toEqual({ senderIds: [3] });
});

test("what is begun keeps its start, and what is over all but its name", () => {
  expect(changeable(CAMPAIGN)).toEqual({ content: true, start: true });
  expect(changeable({ ...CAMPAIGN, counts: { SCHEDULED: 1, SENT: 1 } })).toEqual({
    content: true,
    start: false,
  });
  expect(changeable({ ...CAMPAIGN, status: "FINISHED" })).toEqual({ content: false, start: false });
});
