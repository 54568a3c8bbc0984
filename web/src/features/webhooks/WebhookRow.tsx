import { Alert, Badge, Button, Group, Stack, Switch, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { useAction } from "@/forms/useAction";
import { Time } from "@/time/Time";
import { confirm } from "@/ui/confirm";
import { Row } from "@/ui/Panel";
import { DeliveriesPanel } from "./DeliveriesPanel";
import type { Webhook } from "./queries";
import { WebhookForm } from "./WebhookForm";
import { eventWords, webhookTrouble } from "./words";

interface Props {
  webhook: Webhook;
  /** Shows a secret that has just been made. */
  reveal: (webhook: Webhook) => void;
}

type Open = "edit" | "log" | null;

export function WebhookRow({ webhook, reveal }: Props) {
  const queries = useQueryClient();
  const { run, pending } = useAction();
  const [open, setOpen] = useState<Open>(null);
  const path = { params: { path: { id: webhook.id } } };
  const fresh = () => queries.invalidateQueries({ queryKey: keys.webhooks.all });
  const toggle = (enabled: boolean) =>
    run(async () => {
      await answer(api.PATCH("/api/webhooks/{id}", { ...path, body: { enabled } }));
      await fresh();
    });
  const test = () =>
    run(async () => {
      await answer(api.POST("/api/webhooks/{id}/test", path));
      setOpen("log");
      await queries.invalidateQueries({ queryKey: keys.webhooks.deliveries(webhook.id) });
    });
  const rotate = async () => {
    const sure = await confirm({
      title: "Make a new secret?",
      children: "Requests are signed with the new one from now on, and the old one is forgotten.",
      confirm: "Make a new secret",
    });
    if (sure) await run(async () => reveal(await answer(api.POST("/api/webhooks/{id}/rotate-secret", path))));
  };
  const remove = async () => {
    const sure = await confirm({
      title: "Delete the webhook?",
      children:
        "Its secret and its log go with it, and what it has not been told yet. That cannot be undone.",
      confirm: "Delete the webhook",
    });
    if (!sure) return;
    await run(async () => {
      await answer(api.DELETE("/api/webhooks/{id}", path));
      await fresh();
      notifications.show({ message: "The webhook is deleted." });
    });
  };
  const trouble = webhookTrouble(webhook);
  const button = { size: "xs", variant: "default", disabled: pending } as const;
  return (
    <Row
      title={
        <Group gap="xs">
          <span>{webhook.url}</span>
          {!webhook.enabled && <Badge color="gray">Off</Badge>}
        </Group>
      }
      facts={
        <>
          {webhook.description && <span>{webhook.description}</span>}
          <span>{webhook.events.map(eventWords).join(" · ")}</span>
        </>
      }
      actions={
        <Switch
          label="On"
          aria-label={`On: ${webhook.url}`}
          checked={webhook.enabled}
          onChange={(event) => toggle(event.currentTarget.checked)}
          disabled={pending}
        />
      }
    >
      <Stack gap="sm">
        {trouble && (
          <Alert color="orange">
            {trouble}
            {webhook.enabled && webhook.retryAt && (
              <Text size="sm">
                Next try <Time value={webhook.retryAt} mode="relative" />.
              </Text>
            )}
          </Alert>
        )}
        <Group gap={6}>
          <Button {...button} onClick={test}>
            Send a test
          </Button>
          <Button
            {...button}
            aria-expanded={open === "log"}
            onClick={() => setOpen(open === "log" ? null : "log")}
          >
            Log
          </Button>
          <Button {...button} onClick={() => setOpen("edit")}>
            Edit
          </Button>
          <Button {...button} onClick={rotate}>
            New secret
          </Button>
          <Button {...button} onClick={remove}>
            Delete
          </Button>
        </Group>
        {open === "edit" && (
          <WebhookForm
            webhook={webhook}
            cancel={() => setOpen(null)}
            done={async () => {
              setOpen(null);
              await fresh();
            }}
          />
        )}
        {open === "log" && <DeliveriesPanel webhookId={webhook.id} />}
      </Stack>
    </Row>
  );
}
