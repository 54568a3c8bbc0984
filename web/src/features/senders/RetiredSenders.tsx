import { Alert, Button, Group } from "@mantine/core";
import { IconArrowBackUp, IconTrash } from "@tabler/icons-react";
import { sentence } from "@/api/problem";
import { useMay } from "@/features/workspaces/useMay";
import { Time } from "@/time/Time";
import { once } from "@/ui/once";
import { Panel, Row, Rows } from "@/ui/Panel";
import { useDeleteSender, useRetireSender } from "./commands";
import type { Sender } from "./queries";

/** Senders that no campaign can choose any more: what they sent stays on record. */
export function RetiredSenders({ senders }: { senders: readonly Sender[] }) {
  return (
    <Panel
      title="Retired"
      description="No campaign can choose these. What they sent stays on record."
      rows={
        <Rows label="Retired senders">
          {senders.map((sender) => (
            <Retired key={sender.id} sender={sender} />
          ))}
        </Rows>
      }
    />
  );
}

function Retired({ sender }: { sender: Sender }) {
  const mayChange = useMay("member");
  const reinstate = useRetireSender(sender);
  const remove = useDeleteSender(sender);
  const error = reinstate.error ?? remove.error;
  return (
    <Row
      title={sender.email}
      facts={
        <>
          <span>
            since <Time value={sender.retiredAt ?? ""} />
          </span>
          {error && (
            <Alert color="red" role="alert">
              {sentence(error)}
            </Alert>
          )}
        </>
      }
      actions={
        mayChange && (
          <Group gap={6}>
            <Button
              size="xs"
              variant="default"
              leftSection={<IconArrowBackUp size={15} aria-hidden />}
              loading={reinstate.pending}
              onClick={once(() => reinstate.run())}
              aria-label={`Reinstate ${sender.email}`}
            >
              Reinstate
            </Button>
            <Button
              size="xs"
              variant="default"
              leftSection={<IconTrash size={15} aria-hidden />}
              loading={remove.pending}
              onClick={remove.ask}
              aria-label={`Delete ${sender.email}`}
            >
              Delete
            </Button>
          </Group>
        )
      }
    />
  );
}
