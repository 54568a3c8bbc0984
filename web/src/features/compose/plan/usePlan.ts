import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { keys } from "@/api/keys";
import type { Draft } from "../draft/draft";
import { isOfText, type Mailboxes, missing, plannedBy, requestOf, withSomeText } from "../draft/request";
import { ASKED_ONCE, plan } from "../queries";
import type { Recipients } from "../recipients/useRecipients";

const PLAN_MS = 600;
const FRESH_MS = 600_000;

/**
 * The plan that scheduling the draft would make. A long list is not planned again at each word, but when the answer may
 * well be another (see `plannedBy`), and by each word once the plan was refused: `isCurrent`. What is to be confirmed is
 * the plan of the draft to the letter: `isExact`. Recipients to leave out are known before there is a text: `counted` is
 * the plan of recipients alone then.
 */
export function usePlan(draft: Draft, recipients: Recipients, mailboxes: Mailboxes) {
  const lacking = missing(draft, recipients.count);
  const lacks = Object.keys(lacking);
  const isAskable = recipients.settled && draft.senderIds.length > 0 && lacks.every(isOfText);
  const isReady = isAskable && lacks.length === 0;
  const request = { ...requestOf(isReady ? draft : withSomeText(draft), recipients, mailboxes), name: null };
  const exact = JSON.stringify(request);
  const asked = JSON.stringify([isReady, plannedBy(request)]);
  const [shown] = useDebouncedValue(asked, PLAN_MS);
  const [rested] = useDebouncedValue(exact, PLAN_MS);
  const isSettled = isAskable && shown === asked;
  const lastAsked = useRef("");
  const query = useQuery({
    queryKey: keys.draft.plan(recipients.identity, shown),
    queryFn: async ({ signal }) => {
      lastAsked.current = exact;
      return { plan: await plan(request, signal), of: exact };
    },
    enabled: isSettled,
    staleTime: FRESH_MS,
    // Of the same recipients: that of others would be shown beside these.
    placeholderData: (planned, before) =>
      isAskable && before?.queryKey.at(-2) === recipients.identity ? planned : undefined,
    ...ASKED_ONCE,
    refetchOnWindowFocus: true, // what leaves now today leaves later tomorrow
  });
  const { isError, refetch } = query;
  useEffect(() => {
    if (isError && isSettled && lastAsked.current !== rested) void refetch();
  }, [isError, isSettled, rested, refetch]);
  const isCurrent = isReady && isSettled && query.isSuccess && !query.isPlaceholderData;
  return {
    ...query,
    data: query.data?.plan,
    lacking,
    isReady,
    counted: isAskable ? query.data?.plan : undefined,
    isCurrent,
    isExact: isCurrent && query.data?.of === exact,
  };
}
