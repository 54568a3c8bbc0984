import { Alert, Button, Stack } from "@mantine/core";
import { IconKey, IconPlus, IconWebhook } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { CopyField } from "@/ui/CopyField";
import { EmptyState } from "@/ui/EmptyState";
import { Listing } from "@/ui/Listing";
import { Panel, Rows } from "@/ui/Panel";
import { type Webhook, webhooksQuery } from "./queries";
import { WebhookForm } from "./WebhookForm";
import { WebhookRow } from "./WebhookRow";

export function WebhooksPanel() {
  const query = useQuery({ ...webhooksQuery(), refetchInterval: 10_000 });
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Webhook | null>(null);
  const add = (
    <Button leftSection={<IconPlus size={17} aria-hidden />} onClick={() => setAdding(true)}>
      Add a webhook
    </Button>
  );
  return (
    <Listing query={query}>
      {({ items }) => (
        <Stack>
          {made && <Secret webhook={made} done={() => setMade(null)} />}
          {adding && (
            <Panel title="Add a webhook">
              <WebhookForm
                done={(webhook) => {
                  setAdding(false);
                  setMade(webhook);
                }}
                cancel={() => setAdding(false)}
              />
            </Panel>
          )}
          {items.length > 0 ? (
            <Panel
              title="Webhooks"
              description="Addresses of yours that are told what happens, by signed POST requests (Standard Webhooks)."
              actions={adding ? null : add}
              rows={
                <Rows label="Webhooks">
                  {items.map((webhook) => (
                    <WebhookRow key={webhook.id} webhook={webhook} reveal={setMade} />
                  ))}
                </Rows>
              }
            />
          ) : (
            !adding && (
              <EmptyState icon={IconWebhook} title="No webhook yet" action={add}>
                A webhook tells a program of yours when an email failed or is in doubt, a sender is backed off
                or a campaign has finished.
              </EmptyState>
            )
          )}
        </Stack>
      )}
    </Listing>
  );
}

function Secret({ webhook, done }: { webhook: Webhook; done: () => void }) {
  return (
    <Panel title="The webhook’s secret">
      <Stack>
        <Alert color="petrol" icon={<IconKey aria-hidden />} role="status">
          Copy the secret now, it is shown this once. With it, {new URL(webhook.url).host} checks that a
          request is ours.
        </Alert>
        <CopyField label="Secret" value={webhook.secret ?? ""} />
        <Button variant="default" onClick={done} style={{ alignSelf: "flex-start" }}>
          I have copied it
        </Button>
      </Stack>
    </Panel>
  );
}
