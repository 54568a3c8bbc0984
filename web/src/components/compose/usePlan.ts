import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ApiProblem } from "@/api/problem";
import { type Draft, delayMs, fieldsOf, missing, startOf } from "@/lib/draft";
import { plan, type Recipient, render } from "@/lib/scheduling";
import type { Recipients } from "./useRecipients";

const RENDER_MS = 350;
const PLAN_MS = 600;
const once = { refetchOnWindowFocus: false, refetchOnReconnect: false, gcTime: 60_000 } as const;

/** What `recipient` would get, as the API fills it in; without one, with the names of fields in brackets. */
export function useRendered(draft: Draft, recipient: Recipient | undefined) {
  const asked = JSON.stringify({
    subject: draft.subject,
    body: draft.body,
    bodyHtml: draft.rich ? draft.html : null,
    email: recipient?.email ?? "someone@example.com",
    fields: recipient?.fields ?? null,
  });
  const [shown] = useDebouncedValue(asked, RENDER_MS);
  const query = useQuery({
    queryKey: ["render", shown],
    queryFn: ({ signal }) => render(JSON.parse(shown), signal),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    ...once,
  });
  return { ...query, shown };
}

/**
 * What scheduling the draft would do. A long list goes to the API again only when the answer may be another: the text
 * matters to the plan by the merge fields it needs.
 */
export function usePlan(
  draft: Draft,
  recipients: Recipients,
  senderLimit: number | undefined,
  rendered: ReturnType<typeof useRendered>,
) {
  const lacking = missing(draft, recipients.count);
  const isReady = recipients.settled && Object.keys(lacking).length === 0;
  const content = rendered.data && !rendered.isError ? rendered.data.required : rendered.shown;
  const asked = JSON.stringify([
    recipients.version,
    draft.senderId,
    senderLimit,
    startOf(draft),
    delayMs(draft, senderLimit),
    draft.hourlyLimit,
    content,
  ]);
  const [shown] = useDebouncedValue(asked, PLAN_MS);
  const isSettled = isReady && shown === asked;
  const query = useQuery({
    queryKey: ["plan", shown],
    queryFn: ({ signal }) =>
      plan({ fields: fieldsOf(draft, senderLimit), source: recipients.source }, signal),
    enabled: isSettled,
    staleTime: 60_000,
    placeholderData: isReady ? keepPreviousData : undefined,
    ...once,
  });
  return { ...query, lacking, isReady, isCurrent: isSettled && query.isSuccess && !query.isPlaceholderData };
}

/** The errors of a failed request by the page's fields. */
export function fieldErrors(error: unknown): Record<string, string> {
  if (!(error instanceof ApiProblem)) return {};
  const { file, ...others } = error.errors;
  return file ? { ...others, recipients: file } : others;
}
