/** From one email to the next of the list that it was come from. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { type EmailFilter, emailsQuery } from "./queries";

/** The list that was looked at last: only its emails are before and behind each other. */
let last: EmailFilter | null = null;

export function rememberList(filter: EmailFilter): void {
  last = filter;
}

export interface Neighbours {
  before: number | undefined;
  after: number | undefined;
}

/** Of an email of that list, as far as it is loaded; once found they stay, though it leaves the list when it is decided on. */
export function useNeighbours(id: number): Neighbours | null {
  const { data, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    ...emailsQuery(last ?? {}),
    enabled: false, // what of it was read stays as it was
  });
  const known = useRef<{ id: number; found: Neighbours } | null>(null);
  const ids = data?.pages.flatMap(({ items }) => items.map((email) => email.id)) ?? [];
  const at = last ? ids.indexOf(id) : -1;
  const wantsMore = at >= 0 && at === ids.length - 1 && hasNextPage && !isFetchingNextPage;
  useEffect(() => {
    if (wantsMore) void fetchNextPage();
  }, [wantsMore, fetchNextPage]);
  if (at >= 0) known.current = { id, found: { before: ids[at - 1], after: ids[at + 1] } };
  return known.current?.id === id ? known.current.found : null;
}
