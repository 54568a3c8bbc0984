/**
 * Drafts that begin as something else: with its text, and what a campaign had, but with no list of their own accord.
 */

import type { Campaign } from "@/features/campaigns/queries";
import { asName } from "../asName";
import { type AnsweredText, contentOf } from "../content/kept";
import type { Change } from "../draft/changes";
import type { Timing } from "../draft/draft";
import type { DelayUnit } from "../timing/delay";

/** Changes of a draft, given the id of the step that they are about. */
export type Beginning = (step: string) => Change[];

export function asTemplate(template: AnsweredText): Beginning {
  return (step) => [{ kind: "content", step, part: contentOf(template) }];
}

/** Start and end are not taken over: they have passed. `list`: whom it goes to, of those who were written to before. */
export function asCampaign(campaign: Campaign, list?: number): Beginning {
  const { name, senderIds, hourlyLimit, onUnknown, delayBetweenMs, jitterPercent, calendar } = campaign;
  const [delay, delayUnit]: [number, DelayUnit] =
    delayBetweenMs > 0 && delayBetweenMs % 60_000 === 0
      ? [delayBetweenMs / 60_000, "minutes"]
      : [delayBetweenMs / 1000, "seconds"];
  const timing: Partial<Timing> = {
    when: "now",
    startTime: null,
    latestTime: null,
    delay,
    delayUnit,
    jitterPercent,
    calendar,
    hourlyLimit,
    onUnknown,
    spread: false,
  };
  return (step) => [
    { kind: "name", name: name === asName(campaign.subject) ? "" : name },
    { kind: "senders", senderIds },
    ...(list === undefined
      ? []
      : [{ kind: "audience" as const, part: { source: "file" as const, file: list, columns: null } }]),
    { kind: "timing", part: timing },
    {
      kind: "content",
      step,
      part: {
        ...contentOf({ ...campaign, language: campaign.language ?? null }),
        unsubscribe: campaign.unsubscribe ?? null,
      },
    },
  ];
}
