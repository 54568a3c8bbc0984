/** Commands on responses: answer, label, read, correct. */

import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import type { Kind, ResponseSummary } from "@/features/inbound/queries";
import { KIND, SUPPRESSING, writerOf } from "@/features/inbound/words";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { counted } from "@/ui/numbers";

type Schemas = components["schemas"];
export type Answer = Schemas["AnswerBody"];

/** At once, from the sender it was for; once, however often it is asked for with the same key. */
export const sendAnswer = (id: number, body: Answer, key: string) =>
  answer(
    api.POST("/api/responses/{id}/answer", {
      params: { path: { id }, header: { "Idempotency-Key": key } },
      body,
    }),
  );

export type Marks = Omit<Schemas["Marks"], "ids">;

/** A label "" takes it away. */
export function useMark() {
  return useCommand({
    run: ({ ids, ...marks }: Schemas["Marks"]) =>
      answer(api.PATCH("/api/responses", { body: { ids, ...marks } })),
    changes: [keys.responses.all()],
    said: ({ changed }, { label }) =>
      label === undefined || label === null
        ? `${counted(changed, "response")} marked.`
        : label === ""
          ? `${counted(changed, "response")} without a label now.`
          : `${counted(changed, "response")} labelled “${label}”.`,
    failed: "Nothing was marked",
  });
}

/** That somebody has opened it: nothing is said of that. */
export function useRead() {
  return useCommand({
    run: ({ id, read }: { id: number; read: boolean }) =>
      answer(
        api.PATCH("/api/responses/{id}", { params: { path: { id } }, body: { read, forgotten: false } }),
      ),
    changes: [keys.responses.lists(), keys.responses.unread()],
    failed: "It is unread still",
  });
}

/** A person's word on what it is; asks first where somebody is suppressed for it. */
export function useCorrect(response: ResponseSummary) {
  const { run, pending } = useCommand({
    run: (kind: Kind) =>
      answer(
        api.PATCH("/api/responses/{id}", {
          params: { path: { id: response.id } },
          body: { kind, forgotten: false },
        }),
      ),
    changes: CHANGED,
    said: (_, kind) => `It counts as: ${KIND[kind].label}.`,
    failed: "It is what it was",
  });
  const correct = async (kind: Kind) => {
    const sure =
      !SUPPRESSING.includes(kind) ||
      (await confirm({
        title: `Is it ${KIND[kind].label.toLowerCase() === "opt-out" ? "an" : "a"} ${KIND[kind].label.toLowerCase()}?`,
        children: `It is of ${response.recipient}. ${KIND[kind].follows}`,
        confirm: "That is what it is",
      }));
    if (sure) await run(kind);
  };
  return { correct, pending };
}

/** An email that came back for a fault of its sender, once that is mended. */
export function useSendAgain(emailId: number) {
  return useCommand({
    run: () => answer(api.POST("/api/emails/{id}/retry", { params: { path: { id: emailId } } })),
    changes: CHANGED,
    said: () => "It is sent again.",
    failed: "It was not sent again",
  });
}

/** It answers nothing of ours: what it says is removed. */
export function useForget(response: ResponseSummary, done: () => void) {
  const { run, pending } = useCommand({
    run: () =>
      answer(
        api.PATCH("/api/responses/{id}", {
          params: { path: { id: response.id } },
          body: { forgotten: true },
        }),
      ),
    changes: CHANGED,
    done,
    said: () => "It is forgotten.",
    failed: "It is here still",
  });
  const forget = async () => {
    const sure = await confirm({
      title: "Does it answer nothing of yours?",
      children: `What ${writerOf(response)} wrote is removed from here, and stays in your mailbox. It is not read again.`,
      confirm: "Forget it",
    });
    if (sure) await run();
  };
  return { forget, pending };
}

/** Queries that change with the kind of a response. */
const CHANGED = [keys.responses.all(), keys.campaigns.all(), keys.emails.all(), keys.suppressions.all()];
