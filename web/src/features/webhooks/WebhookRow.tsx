import { Alert, Badge, Button, Group, Stack, Switch, Text } from "@mantine/core";
import { useState } from "react";
import { Time } from "@/time/Time";
import { Row } from "@/ui/Panel";
import { useDeleteWebhook, useRotateSecret, useSwitchWebhook, useTestWebhook } from "./commands";
import { DeliveriesPanel } from "./DeliveriesPanel";
import type { Webhook } from "./queries";
import { WebhookForm } from "./WebhookForm";
import { eventWords, webhookTrouble } from "./words";

interface Props {
  webhook: Webhook;
  /** Shows a secret that has just been made. */
  reveal: (webhook: Webhook) => void;
}

export function WebhookRow({ webhook, reveal }: Props) {
  const [isEdited, setEdited] = useState(false);
  const [hasLog, setLog] = useState(false);
  const toggle = useSwitchWebhook(webhook);
  const test = useTestWebhook(webhook, () => setLog(true));
  const secret = useRotateSecret(webhook, reveal);
  const deletion = useDeleteWebhook(webhook);
  const pending = toggle.pending || test.pending || secret.pending || deletion.pending;
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
          onChange={(event) => toggle.run(event.currentTarget.checked)}
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
          <Button {...button} onClick={() => test.run()}>
            Send a test
          </Button>
          <Button {...button} aria-expanded={hasLog} onClick={() => setLog(!hasLog)}>
            Log
          </Button>
          <Button {...button} onClick={() => setEdited(true)}>
            Edit
          </Button>
          <Button {...button} onClick={secret.rotate}>
            New secret
          </Button>
          <Button {...button} onClick={deletion.remove}>
            Delete
          </Button>
        </Group>
        {isEdited && (
          <WebhookForm webhook={webhook} cancel={() => setEdited(false)} done={() => setEdited(false)} />
        )}
        {hasLog && <DeliveriesPanel webhookId={webhook.id} />}
      </Stack>
    </Row>
  );
}
