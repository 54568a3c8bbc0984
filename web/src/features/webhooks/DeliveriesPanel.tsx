import { Badge, Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Time } from "@/time/Time";
import { Listing } from "@/ui/Listing";
import { counted } from "@/ui/numbers";
import { Panel, Row, Rows } from "@/ui/Panel";
import { useReplay } from "./commands";
import { type Delivery, deliveriesQuery } from "./queries";
import { eventWords } from "./words";

const STATES: Readonly<Record<Delivery["status"], { label: string; color: string }>> = {
  PENDING: { label: "Waits", color: "gray" },
  DELIVERED: { label: "Delivered", color: "petrol" },
  FAILED: { label: "Failed", color: "red" },
};

/** The newest of what a webhook was told, and what it answered. */
export function DeliveriesPanel({ webhookId }: { webhookId: number }) {
  const query = useQuery({ ...deliveriesQuery(webhookId), refetchInterval: 2_000 });
  return (
    <Listing query={query}>
      {({ items }) =>
        items.length === 0 ? (
          <Text c="dimmed">It has not been told anything yet.</Text>
        ) : (
          <Panel
            rows={
              <Rows label="Log">
                {items.map((delivery) => (
                  <DeliveryRow key={delivery.id} webhookId={webhookId} delivery={delivery} />
                ))}
              </Rows>
            }
          />
        )
      }
    </Listing>
  );
}

function DeliveryRow({ webhookId, delivery }: { webhookId: number; delivery: Delivery }) {
  const { run: replay, pending } = useReplay(webhookId, delivery.id);
  const { label, color } = STATES[delivery.status];
  return (
    <Row
      title={
        <Group gap="xs">
          <span>{eventWords(delivery.event)}</span>
          <Badge color={color}>{label}</Badge>
        </Group>
      }
      facts={
        <>
          <Time value={delivery.createdAt} />
          {delivery.attempts > 0 && <span>{counted(delivery.attempts, "try", "tries")}</span>}
          {delivery.statusCode !== null && <span className="tabular">Status {delivery.statusCode}</span>}
          {delivery.error && <span>{delivery.error}</span>}
          {delivery.status === "PENDING" && delivery.nextAttemptAt && (
            <span>
              Next try <Time value={delivery.nextAttemptAt} mode="relative" />
            </span>
          )}
        </>
      }
      actions={
        delivery.status !== "PENDING" && (
          <Button size="xs" variant="default" loading={pending} onClick={() => replay()}>
            Send again
          </Button>
        )
      }
    />
  );
}
