/** The draft as the API takes it, and what it lacks for that. */

import type { paths } from "@/api/schema";
import type { Unsubscribe } from "@/features/campaigns/queries";
import { showsSomething } from "@/features/richText/richText";
import { asName } from "../asName";
import { keptOf } from "../content/kept";
import type { Recipient, Recipients } from "../recipients/useRecipients";
import { spreadDelayMs, UNIT_MS } from "../timing/delay";
import { instant } from "../timing/moment";
import type { Content, Draft, Step, Timing } from "./draft";
import type { Errors } from "./errors";
import { durationOf } from "./wait";

export type CampaignRequest =
  paths["/api/campaigns/schedule"]["post"]["requestBody"]["content"]["application/json"];

export type TestRequest = paths["/api/campaigns/test"]["post"]["requestBody"]["content"]["application/json"];

/** By how many an hour a mailbox may send, and over how many of them a campaign goes. */
export interface Mailboxes {
  leastLimit: number | undefined;
  count: number;
}

/** Between two emails of one mailbox: "spread evenly" divides the hour by what each of them may send in it. */
export function delayMs(timing: Timing, { leastLimit, count }: Mailboxes): number {
  if (!timing.spread) return Math.round((Number(timing.delay) || 0) * UNIT_MS[timing.delayUnit]);
  const ownPart = timing.hourlyLimit === null ? Number.POSITIVE_INFINITY : timing.hourlyLimit / count;
  return spreadDelayMs(Math.min(ownPart, leastLimit ?? 100));
}

/** The instant at which it is to start, null for now. */
export function startOf({ when, startTime }: Timing): Date | null {
  return when === "later" && startTime ? instant(startTime) : null;
}

export function requestOf(
  draft: Draft,
  { named }: Pick<Recipients, "named">,
  mailboxes: Mailboxes,
): CampaignRequest {
  const { timing, audience } = draft;
  const [{ content }, ...later] = draft.steps;
  return {
    ...contentFields(content, draft.steps.flatMap(textsOf)),
    unsubscribe: content.unsubscribe ?? null,
    name: draft.name.trim() || null,
    senderIds: draft.senderIds.length > 0 ? draft.senderIds : null,
    startTime: startOf(timing)?.toISOString() ?? null,
    latestAt: timing.latestTime === null ? null : instant(timing.latestTime).toISOString(),
    calendar: timing.calendar,
    delayBetweenMs: delayMs(timing, mailboxes),
    jitterPercent: timing.jitterPercent,
    hourlyLimit: timing.hourlyLimit,
    onUnknown: timing.onUnknown,
    notIfWrittenToDays: audience.notDays,
    notInCampaigns: audience.notIn.length > 0 ? audience.notIn : null,
    ...(draft.steps[0].variants?.length && varied(draft.steps[0], false)),
    ...(later.length > 0 && {
      steps: later.map(stepFields),
      stopOn: { autoReply: draft.following.stopOnAutoReply, domain: draft.following.stopOnDomain ?? false },
      followUpWithoutReading: draft.following.withoutReading,
    }),
    ...named,
  };
}

/** A later step as the API takes it. */
export function stepFields(step: Step) {
  const { wait, inThread, timeOfDay, quotes, content } = step;
  return {
    ...durationOf(wait),
    timeOfDay: timeOfDay ?? null,
    quotes: inThread && quotes === true,
    subject: inThread ? null : content.subject,
    ...bodies(content),
    ...(step.variants?.length && varied(step, inThread)),
  };
}

/** Its variants, and the weight of its own text among them. */
export function varied({ weight, variants = [] }: Step, inThread: boolean) {
  const shares = variants.map((variant) => ({
    weight: whole(variant.weight),
    subject: inThread ? null : variant.content.subject,
    ...bodies(variant.content),
  }));
  return { weight: whole(weight ?? 1), variants: shares };
}

const whole = (n: number | string) => Math.max(1, Math.round(Number(n) || 0));

/** `content` with the subject and texts of another. */
export const withText = (content: Content, { subject, body, rich, html, textEdited }: Content): Content => ({
  ...content,
  subject,
  body,
  rich,
  html,
  textEdited,
});

/** The texts of a step: its own, and those of its variants. */
export const textsOf = ({ content, variants = [] }: Step): readonly Content[] => [
  content,
  ...variants.map((variant) => variant.content),
];

const bodies = ({ body, rich, html }: Content) => ({ body, bodyHtml: rich ? html : null });

/** The message that a step quotes: that of the one before. */
export function quotedBy({ steps }: Draft, step: Step) {
  const before = steps[steps.indexOf(step) - 1];
  return before && step.inThread && step.quotes ? bodies(before.content) : null;
}

/** The message of a step, with its own text or that of a variant: files and the like are the first's own. */
export function messageOf({ steps: [first] }: Draft, step: Step, variant = 0): Content {
  const text = textsOf(step)[variant] ?? step.content;
  if (step.id === first.id) return withText(first.content, text);
  const { language, unsubscribe, subject } = first.content;
  return { ...text, language, unsubscribe, ...(step.inThread && { subject: `Re: ${subject}` }) };
}

/** A test of `content`: what `recipient` would get, to whoever asks instead, from the draft's sender. */
export function testOf(
  { name, senderIds, steps: [first] }: Draft,
  content: Content,
  recipient: Recipient | undefined,
  unsubscribe: Unsubscribe,
  /** Its place among the tests of all steps: each goes a minute after the one before. */
  place = 0,
): TestRequest {
  return {
    ...contentFields({ ...content, ifBlank: first.content.ifBlank }, [content]),
    unsubscribe,
    name: asName(`Test: ${name.trim() || content.subject}`),
    senderId: senderIds[0] ?? null,
    fields: { ...recipient?.fields, ...(place > 0 && { sent_at: new Date().toISOString().slice(0, 10) }) },
    afterSeconds: place * 60,
  };
}

/** `texts`: what else is said beside `content`, which has what goes along with all of it. */
function contentFields(content: Content, texts: readonly Content[]) {
  const asked = new Set(texts.flatMap(words));
  // Until it is said what to write, who has nothing is left out; and what no text asks for any more is not decided.
  const decided = Object.entries(content.ifBlank).filter(
    ([name, { do: act, text }]) => asked.has(name) && (act !== "write" || text.trim()),
  );
  return { ...keptOf(content), ifBlank: Object.fromEntries(decided) };
}

/** All words within merge fields and conditions, those of the fields among them. */
function words({ subject, body, rich, html, headers }: Content): string[] {
  const text = [subject, body, rich ? html : "", ...headers.map(({ value }) => value)].join("\n");
  return tagsOf(text).flatMap((tag) => tag.split(/[^\p{L}\p{N}\p{M}_]+/u));
}

/** Merge fields and conditions as they are written. */
const tagsOf = (text: string): string[] => text.match(/\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g) ?? [];

/**
 * The request as far as its plan depends on it, as a rule: of the first message's texts, on their tags, and on all of a
 * subject that has some, since what it becomes may be too long.
 */
export function plannedBy({ subject, body, bodyHtml, ...rest }: CampaignRequest): string {
  const texts = [tagsOf(subject).length > 0 ? subject : "", tagsOf(body ?? ""), bodyHtml && tagsOf(bodyHtml)];
  return JSON.stringify([rest, texts]);
}

/** The fields that are missing before it can be planned, by path. */
export function missing({ steps, timing }: Draft, recipients: number): Errors {
  const errors: Record<string, string> = {};
  steps.forEach((each, step) => {
    const { inThread, wait } = each;
    if (step > 0 && !(Number(wait.n) >= 1)) errors[`steps[${step}].wait`] = "Say how long.";
    textsOf(each).forEach((content, text) => {
      const path = `steps[${step}].${text > 0 ? `variants[${text - 1}].` : ""}content`;
      if (!inThread && !content.subject.trim()) errors[`${path}.subject`] = "Write a subject.";
      if (!hasText(content)) errors[`${path}.body`] = "Write a text.";
    });
  });
  if (recipients === 0) errors.audience = "Give at least one recipient.";
  if (timing.when === "later" && !timing.startTime)
    errors["timing.startTime"] = "Choose a time, or send now.";
  return errors;
}

const OF_TEXT = /\.content\.(?:subject|body)$/;

/** Whether a path of what is missing is that of a subject or a text. */
export const isOfText = (path: string) => OF_TEXT.test(path);

/** The draft with the same few words in place of all texts: for what does not depend on them. */
export function withSomeText(draft: Draft): Draft {
  const [{ id, wait, inThread, content }] = draft.steps;
  const some = { ...content, subject: "–", body: "–", rich: false, html: "", ifBlank: {} };
  return { ...draft, steps: [{ id, wait, inThread, content: some }] };
}

export function hasText({ body, rich, html }: Content): boolean {
  return Boolean(body.trim() || (rich && showsSomething(html)));
}
