import { useQuery } from "@tanstack/react-query";
import { isChoosable, sendersQuery } from "@/features/senders/queries";
import type { Draft } from "./draft/draft";

/**
 * From which mailboxes `draft` goes: those it names, the default when it names none. `asked` names them in any case;
 * while senders are read it is the draft as it is, and must not be sent. `leastLimit`: the lowest of their hourly limits.
 */
export function useSenders(draft: Draft) {
  const query = useQuery(sendersQuery());
  const senders = query.data?.items.filter(isChoosable);
  const chosen =
    draft.senderIds.length === 0
      ? (senders ?? []).filter(({ isDefault }) => isDefault)
      : (senders ?? []).filter(({ id }) => draft.senderIds.includes(id));
  const isGone = senders !== undefined && chosen.length < draft.senderIds.length;
  const asked = chosen.length > 0 && !isGone ? { ...draft, senderIds: chosen.map(({ id }) => id) } : draft;
  return {
    ...{ query, senders, chosen, asked, isReady: chosen.length > 0 && !isGone },
    leastLimit: chosen.length > 0 ? Math.min(...chosen.map(({ hourlyLimit }) => hourlyLimit)) : undefined,
    gone: isGone ? "A sender that was chosen is no more. Choose another." : null,
  };
}
