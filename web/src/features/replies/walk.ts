/** From one response of a list to another. */

import type { ResponseSummary } from "@/features/inbound/queries";

type Walked = Pick<ResponseSummary, "id" | "readAt">;

/**
 * The next or the one before; from none of them the first. Undefined at an end. The current one may have left the list,
 * as what is read leaves one of the unread: `was` is where it stood, and where the one after it stands now.
 */
export function stepped(
  responses: readonly Walked[],
  current: number | undefined,
  by: 1 | -1,
  was?: number,
): number | undefined {
  const at = responses.findIndex(({ id }) => id === current);
  if (at !== -1) return responses[at + by]?.id;
  if (current === undefined || was === undefined) return responses[0]?.id;
  return responses[by === 1 ? was : was - 1]?.id;
}

/** The next one further down that nobody has read, else the first of all. */
export function nextUnread(
  responses: readonly Walked[],
  current: number | undefined,
  was = 0,
): number | undefined {
  const at = responses.findIndex(({ id }) => id === current);
  const from = at === -1 ? was : at;
  const others = [...responses.slice(at === -1 ? was : at + 1), ...responses.slice(0, from)];
  return others.find(({ readAt }) => readAt === null)?.id;
}
