import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { keys } from "@/api/keys";
import { ApiProblem, type Rejected, sentence } from "@/api/problem";
import { counted } from "@/ui/numbers";
import { schedule } from "../commands";
import type { Change } from "../draft/changes";
import type { Draft } from "../draft/draft";
import { type Errors, errorsOf } from "../draft/errors";
import { nameOf } from "../draft/onServer";
import { type Mailboxes, missing, requestOf } from "../draft/request";
import type { usePlan } from "../plan/usePlan";
import type { Recipients } from "../recipients/useRecipients";
import { attemptAt } from "./attempt";
import { tellOthers } from "./tellOthers";

interface Options {
  /** From the sender that the page shows. */
  draft: Draft;
  recipients: Recipients;
  mailboxes: Mailboxes;
  plan: Pick<
    ReturnType<typeof usePlan>,
    "data" | "error" | "isCurrent" | "isExact" | "isFetching" | "dataUpdatedAt" | "refetch"
  >;
  /** Whether the draft is this tab's still. */
  changeNow: (...changes: Change[]) => boolean;
  /** Forget the draft that was `sent`: it is a campaign now. Whether it was here still. */
  done: (sent: Draft) => boolean;
}

interface Failure {
  /** The trouble that belongs to no field. */
  text: string | null;
  errors: Errors;
  rejected: readonly Rejected[];
}

const LOST =
  "It is not known whether the campaign was scheduled. Try again: unchanged, it is scheduled only once.";

/** A plan that was made before is made anew: others have sent meanwhile. */
const FRESH_MS = 30_000;

/**
 * Scheduling: what would be sent is shown first (`asked`, by `plan`), then one attempt at a time, and the same attempt
 * under the same key until there is an answer.
 */
export function useSending({ draft, recipients, mailboxes, plan, changeNow, done }: Options) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  /** Since when a plan must be to be confirmed; null: nothing is to be. */
  const [since, setSince] = useState<number | null>(null);
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const isSending = useRef(false);
  const isShown = useRef(true);
  useEffect(() => {
    isShown.current = true;
    return () => {
      isShown.current = false;
    };
  }, []);

  const ask = () => {
    const lacking = missing(draft, recipients.count);
    if (Object.keys(lacking).length > 0) {
      setFailure({ text: null, errors: lacking, rejected: [] });
      return;
    }
    if (!recipients.settled) {
      const why = "These are on their way, or a column's name is wrong: mend it, or try again in a moment.";
      setFailure({ text: null, errors: { audience: why }, rejected: [] });
      return;
    }
    if (plan.error) {
      setFailure(failureOf(plan.error));
      void plan.refetch();
      return;
    }
    setFailure(null);
    setSince(Date.now() - FRESH_MS);
  };
  const asked = since !== null;
  const isSure = asked && plan.isExact && plan.dataUpdatedAt >= since;
  const { isCurrent, isFetching, refetch } = plan;
  useEffect(() => {
    if (asked && isCurrent && !isSure && !isFetching) void refetch();
  }, [asked, isCurrent, isSure, isFetching, refetch]);
  const confirmed = isSure ? plan.data : undefined;
  const send = async () => {
    if (isSending.current) return;
    setSince(null);
    const request = requestOf(draft, recipients, mailboxes);
    const attempt = attemptAt(JSON.stringify(request), draft.attempt);
    // With the sender: another one may be the default by the time of the next attempt.
    const isOurs = changeNow({ kind: "senders", senderIds: draft.senderIds }, { kind: "attempt", attempt });
    if (!isOurs) return; // another tab may have scheduled it: the page shows what is left
    isSending.current = true;
    setPending(true);
    setFailure(null);
    try {
      const scheduled = await schedule(request, attempt.key);
      const { campaign, accepted } = scheduled;
      const wasShown = isShown.current; // until `done`, with which another draft begins
      const wasHere = done({ ...draft, attempt });
      await queries.invalidateQueries({ queryKey: keys.campaigns.all() });
      notifications.show({ color: "teal", message: `${counted(accepted, "email")} scheduled.` });
      // Another draft was opened in another tab, and stands here by now.
      if (!wasHere) return;
      if (wasShown) await navigate({ to: "/campaigns/$id", params: { id: campaign.id } });
      if (confirmed && confirmed.accepted !== accepted) tellOthers(confirmed, scheduled, recipients);
    } catch (error) {
      const failure = failureOf(error);
      setFailure(failure);
      if (!isShown.current)
        notifications.show({
          color: "red",
          title: `Scheduling “${nameOf(draft)}” failed`,
          message: failure.text ?? sentence(error),
          autoClose: false,
        });
      if (error instanceof ApiProblem && error.status === 409) changeNow({ kind: "attempt", attempt: null });
    } finally {
      isSending.current = false;
      setPending(false);
    }
  };
  return {
    ask,
    asked,
    plan: confirmed,
    close: () => setSince(null),
    send,
    pending,
    failure,
    forget: () => setFailure(null),
  };
}

function failureOf(error: unknown): Failure {
  const { errors, isPlaced } = errorsOf(error);
  const isLost = error instanceof ApiProblem && (error.status === 0 || error.status >= 500);
  const text = isLost ? `${sentence(error)} ${LOST}` : isPlaced ? null : sentence(error);
  return { text, errors, rejected: error instanceof ApiProblem ? error.rejected : [] };
}
