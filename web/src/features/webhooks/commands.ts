/** Commands on webhooks and their deliveries. */

import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import type { Webhook } from "./queries";

type Schemas = components["schemas"];

export const addWebhook = (body: Schemas["WebhookBody"]) => answer(api.POST("/api/webhooks", { body }));

export const changeWebhook = (id: number, body: Schemas["WebhookPatch"]) =>
  answer(api.PATCH("/api/webhooks/{id}", { params: { path: { id } }, body }));

export function useSwitchWebhook({ id }: Webhook) {
  return useCommand({
    run: (enabled: boolean) => changeWebhook(id, { enabled }),
    changes: [keys.webhooks.all()],
  });
}

export function useTestWebhook({ id }: Webhook, done: () => void) {
  return useCommand({
    run: () => answer(api.POST("/api/webhooks/{id}/test", { params: { path: { id } } })),
    changes: [keys.webhooks.deliveries(id)],
    done,
  });
}

/** `reveal` shows the new secret. */
export function useRotateSecret({ id }: Webhook, reveal: (webhook: Webhook) => void) {
  const { run, pending } = useCommand({
    run: () => answer(api.POST("/api/webhooks/{id}/rotate-secret", { params: { path: { id } } })),
    changes: [keys.webhooks.all()],
    done: reveal,
  });
  const rotate = async () => {
    const sure = await confirm({
      title: "Make a new secret?",
      children: "Requests are signed with the new one from now on, and the old one is forgotten.",
      confirm: "Make a new secret",
    });
    if (sure) await run();
  };
  return { rotate, pending };
}

export function useDeleteWebhook({ id }: Webhook) {
  const { run, pending } = useCommand({
    run: () => answer(api.DELETE("/api/webhooks/{id}", { params: { path: { id } } })),
    changes: [keys.webhooks.all()],
    said: () => "The webhook is deleted.",
  });
  const remove = async () => {
    const sure = await confirm({
      title: "Delete the webhook?",
      children:
        "Its secret and its log go with it, and what it has not been told yet. That cannot be undone.",
      confirm: "Delete the webhook",
    });
    if (sure) await run();
  };
  return { remove, pending };
}

export function useReplay(webhookId: number, deliveryId: number) {
  const path = { id: webhookId, deliveryId };
  return useCommand({
    run: () => answer(api.POST("/api/webhooks/{id}/deliveries/{deliveryId}/replay", { params: { path } })),
    changes: [keys.webhooks.deliveries(webhookId)],
  });
}
