import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { type Draft, delayMs, fieldsOf, missing, startOf } from "../draft/draft";
import type { useRendered } from "../preview/useRendered";
import { ASKED_ONCE, plan } from "../queries";
import type { Recipients } from "../recipients/useRecipients";

const PLAN_MS = 600;

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
    queryKey: keys.draft.plan(shown),
    queryFn: ({ signal }) =>
      plan({ fields: fieldsOf(draft, senderLimit), source: recipients.source }, signal),
    enabled: isSettled,
    staleTime: 60_000,
    placeholderData: isReady ? keepPreviousData : undefined,
    ...ASKED_ONCE,
    refetchOnWindowFocus: true, // what leaves now today leaves later tomorrow
  });
  return { ...query, lacking, isReady, isCurrent: isSettled && query.isSuccess && !query.isPlaceholderData };
}
