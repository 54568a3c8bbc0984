/** Commands on senders: added, changed, verified, deleted. */

import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import type { Sender } from "./queries";

type Schemas = components["schemas"];

export const addSender = (body: Schemas["SenderBody"]) => answer(api.POST("/api/senders", { body }));

export const changeSender = (id: number, body: Schemas["SenderPatch"]) =>
  answer(api.PATCH("/api/senders/{id}", { params: { path: { id } }, body }));

/** The sender's card says what failed, by `error`. */
const saidOnTheCard = () => undefined;

export function useVerifySender({ id }: Sender) {
  return useCommand({
    run: () => answer(api.POST("/api/senders/{id}/verify", { params: { path: { id } } })),
    changes: [keys.senders()],
    failed: saidOnTheCard,
  });
}

export function useDeleteSender({ id, email }: Sender) {
  const command = useCommand({
    run: () => answer(api.DELETE("/api/senders/{id}", { params: { path: { id } } })),
    changes: [keys.senders()],
    said: () => `${email} is no sender any more.`,
    failed: saidOnTheCard,
  });
  const ask = async () => {
    const sure = await confirm({
      title: `Delete ${email}?`,
      children:
        "Its server and login are forgotten. That cannot be undone. Only a sender that no campaign names can be deleted.",
      confirm: "Delete the sender",
    });
    if (sure) await command.run();
  };
  return { ...command, ask };
}

export function useRetireSender({ id, email, retiredAt }: Sender) {
  const command = useCommand({
    run: () =>
      retiredAt === null
        ? answer(api.POST("/api/senders/{id}/retire", { params: { path: { id } } }))
        : answer(api.POST("/api/senders/{id}/reinstate", { params: { path: { id } } })),
    changes: [keys.senders(), keys.campaigns.all()],
    said: () => (retiredAt === null ? `${email} is retired.` : `${email} can be chosen again.`),
    failed: saidOnTheCard,
  });
  const ask = async () => {
    const sure = await confirm({
      title: `Retire ${email}?`,
      children:
        "No campaign can choose it any more. What it has not begun goes to the other senders of its campaigns; what it has begun it ends. What it sent stays on record, and it can be reinstated.",
      confirm: "Retire the sender",
    });
    if (sure) await command.run();
  };
  return { ...command, ask };
}

/** Asks DNS now, whatever is known. */
export function useAskDns({ id }: Sender) {
  return useCommand({
    run: () => answer(api.GET("/api/senders/{id}/dns", { params: { path: { id }, query: { anew: true } } })),
    changes: [keys.senderDns(id)],
  });
}

/** `to`: another sender, in whose mailbox the mail is looked for; null: its own. */
export function useCheckOnWire({ id }: Sender) {
  return useCommand({
    run: (to: string | null) =>
      answer(api.POST("/api/senders/{id}/check", { params: { path: { id }, query: { to } } })),
    changes: [keys.senderCheck(id), keys.senders()],
    failed: saidOnTheCard,
  });
}

export const importSenders = (csv: string) => answer(api.POST("/api/senders/import", { body: { csv } }));
