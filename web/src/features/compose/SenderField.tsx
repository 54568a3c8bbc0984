import { Alert, Select, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { hourlyQuery } from "@/features/operations/queries";
import type { Sender } from "@/features/senders/queries";
import { senderHeldUp } from "@/features/senders/words";
import { useNow } from "@/time/useNow";
import { Count } from "@/ui/Count";
import { AnchorLink } from "@/ui/links";

interface Props {
  senders: Sender[] | undefined;
  sender: Sender | undefined;
  error: string | undefined;
  onChange: (senderId: number) => void;
}

/** From which mailbox, with what it may still send and what keeps it from it. */
export function SenderField({ senders, sender, error, onChange }: Props) {
  const now = new Date(useNow());
  if (!senders) return <Skeleton height={64} aria-label="Loading" />;
  if (senders.length === 0) {
    return (
      <Text>
        There is no mailbox to send from yet. <AnchorLink to="/senders">Add a sender</AnchorLink>
      </Text>
    );
  }
  const heldUp = senderHeldUp(sender, now);
  return (
    <Stack gap="xs">
      <Select
        label="From"
        data={senders.map(({ id, email, displayName }) => ({
          value: `${id}`,
          label: displayName ? `${displayName} <${email}>` : email,
        }))}
        placeholder="Choose a sender"
        value={sender ? `${sender.id}` : null}
        onChange={(value) => value && onChange(Number(value))}
        allowDeselect={false}
        searchable={senders.length > 8}
        error={error}
      />
      {sender && <Use sender={sender} />}
      {heldUp && (
        <Alert
          color="orange"
          icon={<IconAlertTriangle aria-hidden />}
          title="This mailbox is held back"
          styles={{ message: { color: "inherit" } }}
        >
          {heldUp.text} You can schedule all the same.
        </Alert>
      )}
    </Stack>
  );
}

function Use({ sender }: { sender: Sender }) {
  const { data } = useQuery(hourlyQuery({ hours: 24, senderId: sender.id }));
  const midnight = new Date().setHours(0, 0, 0, 0);
  const today = data?.filter((hour) => Date.parse(hour.windowStart) >= midnight);
  return (
    <Text size="sm" c="dimmed">
      <Count value={sender.usedThisHour} /> of <Count value={sender.hourlyLimit} /> used this hour
      {today && (
        <>
          , <Count value={today.reduce((sum, hour) => sum + hour.used, 0)} /> today
        </>
      )}
    </Text>
  );
}
