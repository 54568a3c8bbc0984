/** The later steps of a campaign that is scheduled, as the composer's fields have them, and what changing them does. */

import type { components } from "@/api/schema";
import type { Campaign } from "@/features/campaigns/queries";
import { count, counted } from "@/ui/numbers";
import { contentOf } from "../content/kept";
import { type Draft, EMPTY, type Step, type Wait } from "../draft/draft";
import { stepFields } from "../draft/request";

type Known = NonNullable<Campaign["steps"]>[number];
export type StepPatch = components["schemas"]["StepPatch"];

/** Of an ISO 8601 duration, in the largest unit that says it; what none says is rounded, until somebody changes it. */
export function waitOf({ wait, businessDays }: Pick<Known, "wait" | "businessDays">): Wait {
  const [, days = 0, rest = 0] = /^P(?:(\d+)D)?(?:T(\d+)S)?$/.exec(wait) ?? [];
  const seconds = Number(rest);
  if (seconds === 0) return { n: Number(days), unit: businessDays ? "business days" : "days" };
  const minutes = Math.max(1, Math.round((Number(days) * 86_400 + seconds) / 60));
  return minutes % 60 === 0 ? { n: minutes / 60, unit: "hours" } : { n: minutes, unit: "minutes" };
}

/** As a draft, of which the later steps count; those that are there have their ids. */
export function draftOf({ subject, steps = [] }: Pick<Campaign, "subject" | "steps">): Draft {
  const [first] = EMPTY.steps;
  const later = steps.slice(1).map(
    (known): Step => ({
      id: String(known.id),
      wait: waitOf(known),
      inThread: known.subject === null,
      timeOfDay: known.timeOfDay,
      quotes: known.quotes,
      content: contentOf({ ...known, subject: known.subject ?? "", language: null }),
    }),
  );
  return { ...EMPTY, steps: [{ ...first, content: { ...first.content, subject } }, ...later] };
}

const idOf = ({ id }: Step) => (/^\d+$/.test(id) ? Number(id) : null);

/** As the API takes them; a wait that nobody touched stays as it was to the second. */
export function patchOf({ steps = [] }: Pick<Campaign, "steps">, before: Draft, after: Draft): StepPatch[] {
  return after.steps.slice(1).map((step) => {
    const id = idOf(step);
    const known = steps.find((each) => each.id === id);
    const untouched = before.steps.find((each) => each.id === step.id)?.wait === step.wait;
    return {
      ...stepFields(step),
      ...(known && untouched && { wait: known.wait, businessDays: known.businessDays }),
      id,
    };
  });
}

/** What changing them will do, in sentences; none where nothing changes. */
export function consequences(
  { steps: known = [] }: Pick<Campaign, "steps">,
  before: Draft,
  after: Draft,
): string[] {
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
  return said;
}

function gets({ step, sent, following, answered, bounced, optedOut }: Known, isLast: boolean): string {
  const most = isLast ? Math.max(0, sent - answered - bounced - optedOut) : following;
  const still = isLast ? "had" : "are owed what comes after";
  return `up to ${count(most)} who ${still} step ${step} get it, and whoever comes that far.`;
}
