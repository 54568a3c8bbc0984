import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import type { Unsubscribe } from "@/features/campaigns/queries";
import type { Content } from "../draft/draft";
import { ASKED_ONCE, render } from "../queries";
import type { Recipient } from "../recipients/useRecipients";

const RENDER_MS = 350;

/** The message before, which a later step has below it. */
interface Quoted {
  body: string;
  bodyHtml: string | null;
}

/**
 * The value that a later step has beside merge fields: the day on which the one before was sent, as if that were today.
 */
export const SENT_BEFORE = () => ({ sent_at: new Date().toISOString().slice(0, 10) });

/**
 * The message that `recipient` would get from the sender, as the API fills it in; without one, with the names of fields
 * in brackets.
 */
export function useRendered(
  content: Content,
  recipient: Recipient | undefined,
  senderId: number | undefined,
  unsubscribe: Unsubscribe,
  isLater = false,
  quoted: Quoted | null = null,
) {
  const asked = asksFor(content, recipient, senderId, unsubscribe, isLater, quoted);
  const [shown] = useDebouncedValue(asked, RENDER_MS);
  const query = useQuery({ ...renderedQuery(shown), placeholderData: keepPreviousData });
  return { ...query, shown };
}

/** The request for it, as it is sent. */
export function asksFor(
  content: Content,
  recipient: Recipient | undefined,
  senderId: number | undefined,
  unsubscribe: Unsubscribe,
  isLater: boolean,
  quoted: Quoted | null = null,
): string {
  return JSON.stringify({
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
}

export const renderedQuery = (asked: string) =>
  queryOptions({
    queryKey: keys.draft.rendered(asked),
    // With the request that it answers: a frame that asks for one half typed would be refused.
    queryFn: async ({ signal }) => ({ ...(await render(JSON.parse(asked), signal)), request: asked }),
    staleTime: Number.POSITIVE_INFINITY,
    ...ASKED_ONCE,
  });
