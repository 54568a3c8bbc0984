import type { components } from "@/api/schema";
import type { Step } from "../draft/draft";

export type Hint = components["schemas"]["Hint"];

/** A step in the thread has no subject of its own: it does answer something, and nothing about its "Re:" can be changed. */
export function hintsAt(step: Pick<Step, "inThread"> | undefined, hints: readonly Hint[]): readonly Hint[] {
  return step?.inThread ? hints.filter(({ part }) => part !== "subject") : hints;
}
