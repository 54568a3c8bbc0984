/**
 * Drafts that begin as something else: with its text, and what a campaign had, but with no list of their own accord.
 */

import type { Campaign } from "@/features/campaigns/queries";
import { asName } from "../asName";
import { type AnsweredText, contentOf } from "../content/kept";
import { type Draft, EMPTY, type Timing } from "../draft/draft";
import { draftOf } from "../steps/running";
import type { DelayUnit } from "../timing/delay";

export interface Beginning {
  /** The draft that it makes of the one that is here. */
  of: (draft: Draft) => Draft;
  /** The parts of the one here that it takes the place of. */
  takes: "text" | "all but recipients" | "all";
}

/** Another text than that of `draft`, and so none that the workspace has among its drafts. */
const withSteps = (draft: Draft, steps: Draft["steps"]): Draft => ({
  ...draft,
  steps,
  following: EMPTY.following,
  attempt: null,
  keptAs: null,
});

export function asTemplate(template: AnsweredText): Beginning {
  return {
    takes: "text",
    of: (draft) => withSteps(draft, [{ ...EMPTY.steps[0], content: contentOf(template) }]),
  };
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
  const { autoReply, domain } = campaign.stopOn ?? {};
  const steps = stepsOf(campaign);
  return {
    takes: list === undefined ? "all but recipients" : "all",
    of: (draft) => ({
      ...withSteps(draft, steps),
      following: { ...EMPTY.following, stopOnAutoReply: autoReply ?? false, stopOnDomain: domain ?? false },
      name: name === asName(campaign.subject) ? "" : name,
      senderIds,
      timing: { ...draft.timing, ...timing },
      ...(list !== undefined && { audience: { ...EMPTY.audience, source: "file", file: list } }),
    }),
  };
}

/** All that it says, but for variants that were stopped: they lost. */
function stepsOf(campaign: Campaign): Draft["steps"] {
  const variants = campaign.variants?.filter(({ stoppedAt }) => stoppedAt === null);
  const [first, ...later] = draftOf({ ...campaign, variants }).steps;
  const own = contentOf({ ...campaign, language: campaign.language ?? null });
  const { subject, body, rich, html, textEdited } = first.content;
  const content = {
    ...own,
    subject,
    body,
    rich,
    html,
    textEdited,
    unsubscribe: campaign.unsubscribe ?? null,
  };
  return [{ ...first, content }, ...later];
}
