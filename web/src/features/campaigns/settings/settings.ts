/** A campaign's settings as a form has them, and what of a form changes the campaign. */

import type { components } from "@/api/schema";
import { instantOfInput, localInput } from "@/time/days";
import type { Calendar } from "../calendar";
import { of } from "../counts";
import type { Campaign, Unsubscribe } from "../queries";

type Patch = components["schemas"]["CampaignPatch"];

/** `start` is in the person's own timezone, as `localInput` says it. "" as a limit: none. */
export interface CampaignSettings extends Record<string, unknown> {
  name: string;
  subject: string;
  body: string;
  bodyHtml: string;
  start: string;
  /** As `start`; "": none. */
  latest: string;
  calendar: Calendar | null;
  senderIds: string[];
  delaySeconds: number | string;
  jitterPercent: number | string;
  hourlyLimit: number | string;
  sharePercent: number | string;
  onUnknown: Campaign["onUnknown"];
  unsubscribe: Unsubscribe;
}

/** The settings that may still change: all before it has begun, the name alone once it is over. */
export function changeable(campaign: Campaign): { content: boolean; start: boolean } {
  const open = campaign.status === "ACTIVE" || campaign.status === "PAUSED";
  return { content: open, start: open && of(campaign, "SCHEDULED") === campaign.total };
}

export function settingsOf(campaign: Campaign): CampaignSettings {
  return {
    name: campaign.name,
    subject: campaign.subject,
    body: campaign.body,
    bodyHtml: campaign.bodyHtml ?? "",
    start: localInput(new Date(campaign.startTime)),
    latest: campaign.latestAt === null ? "" : localInput(new Date(campaign.latestAt)),
    calendar: campaign.calendar,
    senderIds: campaign.senderIds.map(String),
    delaySeconds: campaign.delayBetweenMs / 1000,
    jitterPercent: campaign.jitterPercent,
    hourlyLimit: campaign.hourlyLimit ?? "",
    sharePercent: campaign.sharePercent ?? "",
    onUnknown: campaign.onUnknown,
    unsubscribe: campaign.unsubscribe ?? "none",
  };
}

/** The changes to send: the fields that differ alone, since a new start, delay or limit plans all that waits again. */
export function changesTo(before: CampaignSettings, after: CampaignSettings): Patch {
  const patch: Patch = {};
  for (const field of ["name", "subject", "body"] as const) {
    if (after[field] !== before[field]) patch[field] = after[field];
  }
  if (after.bodyHtml !== before.bodyHtml) patch.bodyHtml = after.bodyHtml || null;
  if (after.start !== before.start) patch.startTime = instantOfInput(after.start).toISOString();
  if (after.latest !== before.latest) {
    patch.latestAt = after.latest === "" ? null : instantOfInput(after.latest).toISOString();
  }
  if (JSON.stringify(after.calendar) !== JSON.stringify(before.calendar)) patch.calendar = after.calendar;
  if (after.senderIds.join() !== before.senderIds.join()) patch.senderIds = after.senderIds.map(Number);
  if (after.jitterPercent !== before.jitterPercent) patch.jitterPercent = Number(after.jitterPercent);
  if (after.delaySeconds !== before.delaySeconds) {
    patch.delayBetweenMs = Math.round(Number(after.delaySeconds) * 1000);
  }
  if (after.hourlyLimit !== before.hourlyLimit) {
    patch.hourlyLimit = after.hourlyLimit === "" ? null : Number(after.hourlyLimit);
  }
  if (after.sharePercent !== before.sharePercent) {
    patch.sharePercent = after.sharePercent === "" ? null : Number(after.sharePercent);
  }
  if (after.onUnknown !== before.onUnknown) patch.onUnknown = after.onUnknown;
  if (after.unsubscribe !== before.unsubscribe) patch.unsubscribe = after.unsubscribe;
  return patch;
}
