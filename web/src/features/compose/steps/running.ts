/** The later steps of a campaign that is scheduled, as the composer's fields have them, and what changing them does. */

import type { components } from "@/api/schema";
import type { Campaign } from "@/features/campaigns/queries";
import { count, counted } from "@/ui/numbers";
import { contentOf } from "../content/kept";
import { type Draft, EMPTY, type Step, type Variant, type Wait } from "../draft/draft";
import type { Errors } from "../draft/errors";
import { stepFields, varied } from "../draft/request";

type Known = NonNullable<Campaign["steps"]>[number];
type KnownVariant = NonNullable<Campaign["variants"]>[number];
type Texts = Pick<Campaign, "subject" | "steps" | "variants">;
export type StepPatch = components["schemas"]["StepPatch"];
type VariantPatch = components["schemas"]["VariantPatch"];
export type TextsPatch = Pick<components["schemas"]["CampaignPatch"], "steps" | "variants" | "weight">;

/** Of an ISO 8601 duration, in the largest unit that says it; what none says is rounded, until somebody changes it. */
export function waitOf({ wait, businessDays }: Pick<Known, "wait" | "businessDays">): Wait {
  const [, days = 0, rest = 0] = /^P(?:(\d+)D)?(?:T(\d+)S)?$/.exec(wait) ?? [];
  const seconds = Number(rest);
  if (seconds === 0) return { n: Number(days), unit: businessDays ? "business days" : "days" };
  const minutes = Math.max(1, Math.round((Number(days) * 86_400 + seconds) / 60));
  return minutes % 60 === 0 ? { n: minutes / 60, unit: "hours" } : { n: minutes, unit: "minutes" };
}

const kept = (text: { subject: string | null; body: string | null; bodyHtml: string | null }) =>
  contentOf({ ...text, subject: text.subject ?? "", body: text.body ?? "", language: null });

/** Of a step, by its number: the first of its variants as its own text, and the others beside it. */
function variedOf(
  variants: readonly KnownVariant[],
  step: number,
): Pick<Step, "content" | "weight" | "variants"> | undefined {
  const [own, ...others] = variants.filter((each) => each.step === step);
  if (!own) return undefined;
  const its = others.map(
    (each): Variant => ({ id: String(each.id), weight: each.weight, content: kept(each) }),
  );
  return { content: kept(own), weight: own.weight, variants: its };
}

/** As a draft, of which the texts count; what is there has its id. */
export function draftOf({ subject, steps = [], variants = [], ...text }: Texts & Partial<Campaign>): Draft {
  const [first] = EMPTY.steps;
  const later = steps.slice(1).map(
    (known): Step => ({
      id: String(known.id),
      wait: waitOf(known),
      inThread: known.subject === null,
      timeOfDay: known.timeOfDay,
      quotes: known.quotes,
      content: kept(known),
      ...variedOf(variants, known.step),
    }),
  );
  const own = {
    ...first.content,
    ...kept({ subject, body: text.body ?? "", bodyHtml: text.bodyHtml ?? null }),
  };
  return { ...EMPTY, steps: [{ ...first, content: own, ...variedOf(variants, 1) }, ...later] };
}

const idOf = ({ id }: { id: string }) => (/^\d+$/.test(id) ? Number(id) : null);

/** The texts that are other ones, or new. */
export function patchOf(campaign: Texts, before: Draft, after: Draft): TextsPatch {
  const [first, ...later] = after.steps;
  const old = before.steps.slice(1);
  const isAnother = later.length !== old.length || later.some((step, at) => step !== old[at]);
  return {
    ...(first !== before.steps[0] && variedPatch(campaign, before.steps[0], first)),
    ...(isAnother && { steps: stepsPatch(campaign, before, after) }),
  };
}

/** Later steps as the API takes them; a wait that nobody touched stays as it was to the second. */
function stepsPatch(campaign: Texts, before: Draft, after: Draft): StepPatch[] {
  return after.steps.slice(1).map((step) => {
    const id = idOf(step);
    const known = campaign.steps?.find((each) => each.id === id);
    const old = before.steps.find((each) => each.id === step.id);
    const untouched = old?.wait === step.wait;
    return {
      ...stepFields(step),
      ...(known && untouched && { wait: known.wait, businessDays: known.businessDays }),
      ...(known && { weight: null, variants: [], ...variedPatch(campaign, old, step) }),
      id,
    };
  });
}

/** The variants of a step that are sent along: those that are other ones, or new; all, where the thread is another. */
function sent({ variants: known = [] }: Texts, before: Step | undefined, after: Step): Variant[] {
  const isStopped = (id: number | null) => known.some((each) => each.id === id && each.stoppedAt !== null);
  const isMoved = before?.inThread !== after.inThread;
  return (after.variants ?? []).filter(
    (each) => !isStopped(idOf(each)) && (isMoved || !before?.variants?.includes(each)),
  );
}

function variedPatch(campaign: Texts, before: Step | undefined, after: Step) {
  const its = sent(campaign, before, after);
  const fields = varied({ ...after, variants: its }, after.inThread);
  const variants = fields.variants.map(
    (each, at): VariantPatch => ({ ...each, id: idOf(its[at] as Variant) }),
  );
  return {
    ...(variants.length > 0 && { variants }),
    ...(after.variants?.length && after.weight !== before?.weight && { weight: fields.weight }),
  };
}

/** Errors of variants by the places that these have in the draft: not all of them are sent. */
export function placed(campaign: Texts, before: Draft, after: Draft, errors: Errors): Errors {
  return Object.fromEntries(
    Object.entries(errors).map(([path, detail]) => {
      const [, step, at, rest] = /^steps\[(\d+)\]\.variants\[(\d+)\](.*)$/s.exec(path) ?? [];
      const its = step === undefined ? undefined : after.steps[Number(step)];
      if (!its) return [path, detail];
      const old = before.steps.find(({ id }) => id === its.id);
      const which = old ? sent(campaign, old, its)[Number(at)] : its.variants?.[Number(at)];
      const place = which ? its.variants?.indexOf(which) : undefined;
      return [place === undefined ? path : `steps[${step}].variants[${place}]${rest}`, detail];
    }),
  );
}

/** The effects of changing them, in sentences; none where nothing changes. */
export function consequences(campaign: Texts, before: Draft, after: Draft): string[] {
  const { steps: known = [] } = campaign;
  const later = known.slice(1);
  const kept = after.steps.slice(1).map(idOf);
  const said: string[] = [];
  for (const { step, waiting } of later.filter(({ id }) => !kept.includes(id))) {
    const ends = waiting > 0 ? `${counted(waiting, "email")} of it that wait are cancelled, and ` : "";
    said.push(`Step ${step} is removed: ${ends}whoever would have got it gets what comes behind it.`);
  }
  after.steps.slice(1).forEach((step, at) => {
    if (idOf(step) !== null) return;
    const earlier = after.steps.slice(0, at + 1).map(idOf);
    const behind = known.filter(({ id, step }) => step === 1 || earlier.includes(id)).at(-1);
    if (behind) said.push(`Step ${at + 2} is new: ${gets(behind, behind.step === known.length)}`);
  });
  const order = later.map(({ id }) => id).filter((id) => kept.includes(id));
  const isMoved = kept.filter((id) => id !== null).some((id, at) => id !== order[at]);
  if (isMoved)
    said.push("The order is another: whoever is owed a step gets the next that they have not had.");
  for (const step of after.steps.slice(1)) {
    const old = before.steps.find(({ id }) => id === step.id);
    const number = later.find(({ id }) => id === idOf(step))?.step;
    if (!old || number === undefined) continue;
    if (old.content !== step.content || old.inThread !== step.inThread || old.quotes !== step.quotes)
      said.push(`Step ${number} says something else from now on. What was sent stays as it was.`);
    if (old.wait !== step.wait || old.timeOfDay !== step.timeOfDay)
      said.push(`Step ${number} comes at another time, to whoever it is not an email for yet.`);
  }
  for (const step of after.steps) {
    const old = before.steps.find(({ id }) => id === step.id);
    const number = step === after.steps[0] ? 1 : later.find(({ id }) => id === idOf(step))?.step;
    if (old && number !== undefined) said.push(...ofVariants(campaign, number, old, step));
  }
  return said;
}

function ofVariants({ variants = [] }: Texts, number: number, before: Step, after: Step): string[] {
  const said: string[] = [];
  const letter = (each: Variant) => String.fromCharCode(66 + (after.variants ?? []).indexOf(each));
  for (const each of after.variants ?? []) {
    const old = before.variants?.find(({ id }) => id === each.id);
    const known = variants.find(({ id }) => id === idOf(each));
    const sentWith =
      known && known.sent > 0
        ? `, and its figures begin anew: ${counted(known.sent, "email")} had the text before`
        : "";
    if (!old) said.push(`Step ${number} is tried with ${letter(each)} as well, for whoever has not had it.`);
    else if (old.content !== each.content)
      said.push(`Variant ${letter(each)} of step ${number} says something else from now on${sentWith}.`);
  }
  const weights = (step: Step) => [step.weight, ...(step.variants ?? []).map(({ weight }) => weight)].join();
  const isSame = (before.variants ?? []).length === (after.variants ?? []).length;
  if (isSame && weights(before) !== weights(after))
    said.push(`The shares of step ${number} are others, for whoever has not had it.`);
  return said;
}

function gets({ step, sent, following, answered, bounced, optedOut }: Known, isLast: boolean): string {
  const most = isLast ? Math.max(0, sent - answered - bounced - optedOut) : following;
  const still = isLast ? "had" : "are owed what comes after";
  return `up to ${count(most)} who ${still} step ${step} get it, and whoever comes that far.`;
}
