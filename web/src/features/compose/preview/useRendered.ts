import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import type { Unsubscribe } from "@/features/campaigns/queries";
import type { Content } from "../draft/draft";
import { ASKED_ONCE, render } from "../queries";
import type { Recipient } from "../recipients/useRecipients";

const RENDER_MS = 350;

/** What a later step has beside merge fields: the day on which the one before was sent, as if that were today. */
export const SENT_BEFORE = () => ({ sent_at: new Date().toISOString().slice(0, 10) });

/** What `recipient` would get from the sender, as the API fills it in; without one, with the names of fields in brackets. */
export function useRendered(
  content: Content,
  recipient: Recipient | undefined,
  senderId: number | undefined,
  unsubscribe: Unsubscribe,
  isLater = false,
  quoted: { body: string; bodyHtml: string | null } | null = null,
) {
  const asked = JSON.stringify({
    subject: content.subject,
    body: content.body,
    bodyHtml: content.rich ? content.html : null,
    language: content.language,
    unsubscribe,
    email: recipient?.email ?? "someone@example.com",
    fields: recipient ? { ...recipient.fields, ...(isLater && SENT_BEFORE()) } : null,
    senderId: senderId ?? null,
    ...(quoted && { quoted }),
  });
  const [shown] = useDebouncedValue(asked, RENDER_MS);
  const query = useQuery({
    queryKey: keys.draft.rendered(shown),
    // With the request that it answers: a frame that asks for one half typed would be refused.
    queryFn: async ({ signal }) => ({ ...(await render(JSON.parse(shown), signal)), request: shown }),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    ...ASKED_ONCE,
  });
  return { ...query, shown };
}
