import { useQuery } from "@tanstack/react-query";
import { sendersQuery } from "@/features/senders/queries";
import type { Draft } from "./draft/draft";

/**
 * From which mailbox `draft` goes: the one it names, the default when it names none. `asked` names it in any case;
 * while senders are read it is the draft as it is, and must not be sent.
 */
export function useSender(draft: Draft) {
  const query = useQuery(sendersQuery());
  const senders = query.data?.items;
  const [chosen] = draft.senderIds;
  const sender =
    chosen === undefined
      ? (senders?.find((each) => each.isDefault) ?? senders?.[0])
      : senders?.find(({ id }) => id === chosen);
  const asked = sender ? { ...draft, senderIds: [sender.id] } : draft;
  const gone = senders && chosen !== undefined && !sender ? "This sender is no more. Choose another." : null;
  return { query, senders, sender, asked, gone };
}
