/** The state that the page of replies keeps in the address: what is listed, and what of it is being read. */

import { VALUES } from "@/api/constants";
import type { ResponseFilter } from "@/features/inbound/queries";
import { idIn, oneOf, type Search, textIn } from "@/ui/searchParams";

export interface ReplySearch {
  q?: string | undefined;
  kind?: ResponseFilter["kind"];
  campaignId?: number | undefined;
  senderId?: number | undefined;
  label?: string | undefined;
  unread?: true | undefined;
  response?: number | undefined;
}

export function replySearch(search: Search): ReplySearch {
  return {
    q: textIn(search.q),
    kind: oneOf(VALUES.ResponseUpdate.kind, search.kind),
    campaignId: idIn(search.campaignId),
    senderId: idIn(search.senderId),
    label: textIn(search.label),
    unread: search.unread === true ? true : undefined,
    response: idIn(search.response),
  };
}

/** The filters of the list. */
export function filterOf({ response: _, ...filter }: ReplySearch): ResponseFilter {
  return filter;
}
