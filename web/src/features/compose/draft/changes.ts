/** What can be done to a draft. */

import type { Attempt, Audience, Content, Draft, Timing } from "./draft";

export type Change =
  | { kind: "name"; name: string }
  | { kind: "audience"; part: Partial<Audience> }
  | { kind: "senders"; senderIds: number[] }
  | { kind: "content"; step: string; part: Partial<Content> }
  | { kind: "timing"; part: Partial<Timing> }
  | { kind: "attempt"; attempt: Attempt | null };

export function changed(draft: Draft, change: Change): Draft {
  switch (change.kind) {
    case "name":
      return { ...draft, name: change.name };
    case "audience":
      return { ...draft, audience: { ...draft.audience, ...change.part } };
    case "senders":
      return { ...draft, senderIds: change.senderIds };
    case "content": {
      const [first, ...others] = draft.steps;
      const written = (step: typeof first) =>
        step.id === change.step ? { ...step, content: { ...step.content, ...change.part } } : step;
      return { ...draft, steps: [written(first), ...others.map(written)] };
    }
    case "timing":
      return { ...draft, timing: { ...draft.timing, ...change.part } };
    case "attempt":
      return { ...draft, attempt: change.attempt };
  }
}
