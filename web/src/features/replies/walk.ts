/** From one response of a list to another. */

import type { ResponseSummary } from "@/features/inbound/queries";

type Walked = Pick<ResponseSummary, "id" | "readAt">;

/** The next or the one before; from none of them the first. Undefined at an end. */
export function stepped(
  responses: readonly Walked[],
  current: number | undefined,
  by: 1 | -1,
): number | undefined {
  const at = responses.findIndex(({ id }) => id === current);
  return at === -1 ? responses[0]?.id : responses[at + by]?.id;
}

/** The next one further down that nobody has read, else the first of all. */
export function nextUnread(responses: readonly Walked[], current: number | undefined): number | undefined {
  const at = responses.findIndex(({ id }) => id === current);
  const others = [...responses.slice(at + 1), ...responses.slice(0, Math.max(at, 0))];
  return others.find(({ readAt }) => readAt === null)?.id;
}
