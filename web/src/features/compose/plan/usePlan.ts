import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { keys } from "@/api/keys";
import type { Draft } from "../draft/draft";
import { isOfText, type Mailboxes, missing, requestOf, withSomeText } from "../draft/request";
import type { useRendered } from "../preview/useRendered";
import { ASKED_ONCE, plan } from "../queries";
import type { Recipients } from "../recipients/useRecipients";

const PLAN_MS = 600;
const FRESH_MS = 600_000;

/**
 * The plan that scheduling the draft would make. A long list is planned again only when the answer may be another: the
 * text matters to the plan by the merge fields it needs, and by each word once the plan was refused. Recipients to
 * leave out are known before there is a text: `counted` is the plan of recipients alone then.
 */
export function usePlan(
  draft: Draft,
  recipients: Recipients,
  mailboxes: Mailboxes,
  rendered: ReturnType<typeof useRendered>,
) {
  const lacking = missing(draft, recipients.count);
  const lacks = Object.keys(lacking);
  const isAskable = recipients.settled && draft.senderIds.length > 0 && lacks.every(isOfText);
  const isReady = isAskable && lacks.length === 0;
  const content = !isReady
    ? null
    : rendered.data && !rendered.isError
      ? rendered.data.required
      : rendered.shown;
  const request = requestOf(isReady ? draft : withSomeText(draft), recipients, mailboxes);
  const asked = JSON.stringify([{ ...request, name: null, subject: "", body: "", bodyHtml: null }, content]);
  const [shown] = useDebouncedValue(asked, PLAN_MS);
  const isSettled = isAskable && shown === asked;
  const plannedText = useRef("");
  const query = useQuery({
    queryKey: keys.draft.plan(recipients.identity, shown),
    queryFn: ({ signal }) => {
      plannedText.current = rendered.shown;
      return plan(request, signal);
    },
    enabled: isSettled,
    staleTime: FRESH_MS,
    // Of the same recipients: that of others would be shown beside these.
    placeholderData: (plan, before) =>
      isAskable && before?.queryKey.at(-2) === recipients.identity ? plan : undefined,
    ...ASKED_ONCE,
    refetchOnWindowFocus: true, // what leaves now today leaves later tomorrow
  });
  const { isError, refetch } = query;
  useEffect(() => {
    if (isError && isSettled && plannedText.current !== rendered.shown) void refetch();
  }, [isError, isSettled, rendered.shown, refetch]);
  return {
    ...query,
    lacking,
    isReady,
    counted: isAskable ? query.data : undefined,
    isCurrent: isReady && isSettled && query.isSuccess && !query.isPlaceholderData,
  };
}
