/** Changes of a draft. */

import {
  type Attached,
  type Attempt,
  type Audience,
  type Content,
  type Draft,
  type Following,
  laterStep,
  type Step,
  type Timing,
} from "./draft";

export type Change =
  | { kind: "name"; name: string }
  | { kind: "audience"; part: Partial<Audience> }
  | { kind: "senders"; senderIds: number[] }
  | { kind: "content"; step: string; part: Partial<Content> }
  | { kind: "attach"; step: string; file: Attached }
  | { kind: "step"; step: string; part: Partial<Omit<Step, "id" | "content">> }
  | { kind: "addStep"; id: string }
  | { kind: "removeStep"; step: string }
  /** `by`: -1 earlier, 1 later; the first stays where it is. */
  | { kind: "moveStep"; step: string; by: -1 | 1 }
  | { kind: "following"; part: Partial<Following> }
  | { kind: "timing"; part: Partial<Timing> }
  | { kind: "attempt"; attempt: Attempt | null }
  | { kind: "keptAs"; keptAs: number | null };

export function changed(draft: Draft, change: Change): Draft {
  switch (change.kind) {
    case "name":
      return { ...draft, name: change.name };
    case "audience":
      return { ...draft, audience: { ...draft.audience, ...change.part } };
    case "senders":
      return { ...draft, senderIds: change.senderIds };
    case "content":
      return withStep(draft, change.step, ({ content }) => ({ content: { ...content, ...change.part } }));
    case "attach":
      return withStep(draft, change.step, ({ content }) => ({
        content: { ...content, attachments: [...content.attachments, change.file] },
      }));
    case "step":
      return withStep(draft, change.step, () => change.part);
    case "addStep": {
      const [first, ...others] = draft.steps;
      return { ...draft, steps: [first, ...others, laterStep(change.id)] };
    }
    case "removeStep": {
      const [first, ...others] = draft.steps;
      return { ...draft, steps: [first, ...others.filter(({ id }) => id !== change.step)] };
    }
    case "moveStep": {
      const [first, ...others] = draft.steps;
      const at = others.findIndex(({ id }) => id === change.step);
      const [one, other] = [others[at], others[at + change.by]];
      if (!one || !other) return draft;
      const moved = others.map((each) => (each === one ? other : each === other ? one : each));
      return { ...draft, steps: [first, ...moved] };
    }
    case "following":
      return { ...draft, following: { ...draft.following, ...change.part } };
    case "timing":
      return { ...draft, timing: { ...draft.timing, ...change.part } };
    case "attempt":
      return { ...draft, attempt: change.attempt };
    case "keptAs":
      return { ...draft, keptAs: change.keptAs };
  }
}

function withStep(draft: Draft, id: string, part: (step: Step) => Partial<Step>): Draft {
  const [first, ...others] = draft.steps;
  const written = (step: Step) => (step.id === id ? { ...step, ...part(step) } : step);
  return { ...draft, steps: [written(first), ...others.map(written)] };
}
