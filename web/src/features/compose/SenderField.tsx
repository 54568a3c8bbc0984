import "@mantine/core/styles/PillsInput.layer.css";
import "@mantine/core/styles/Pill.layer.css";
import { Alert, MultiSelect, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { DnsNote } from "@/features/senders/DnsNote";
import type { Sender } from "@/features/senders/queries";
import { senderHeldUp } from "@/features/senders/words";
import { useNow } from "@/time/useNow";
import { Count } from "@/ui/Count";
import { AnchorLink } from "@/ui/links";

interface Props {
  senders: Sender[] | undefined;
  /** Those that the draft names; none: the default sender. */
  named: readonly number[];
  chosen: readonly Sender[];
  error: string | undefined;
  onChange: (senderIds: number[]) => void;
}

/** From which mailboxes, with what each may still send and what keeps it from it. */
export function SenderField({ senders, named, chosen, error, onChange }: Props) {
  const now = new Date(useNow());
  if (!senders) return <Skeleton height={64} aria-label="Loading" />;
  if (senders.length === 0) {
    return (
      <Text>
        There is no mailbox to send from yet. <AnchorLink to="/senders">Add a sender</AnchorLink>
      </Text>
    );
  }
  return (
    <Stack gap="xs">
      <MultiSelect
        label="From"
        description={
          senders.length > 1
            ? "With several mailboxes each email goes from the one that can take it soonest."
            : undefined
        }
        data={senders.map(({ id, email, displayName }) => ({
          value: `${id}`,
          label: displayName ? `${displayName} <${email}>` : email,
        }))}
        placeholder={named.length > 0 ? "" : (chosen[0]?.email ?? "Choose a sender")}
        value={chosen.filter(({ id }) => named.includes(id)).map(({ id }) => `${id}`)}
        onChange={(values) => onChange(values.map(Number))}
        searchable={senders.length > 8}
        error={error}
      />
      {chosen.map((sender) => (
        <Use key={sender.id} sender={sender} isNamed={chosen.length > 1} />
      ))}
      {chosen.map((sender) => (
        <DnsNote key={sender.id} sender={sender} />
      ))}
      {chosen.map((sender) => {
        const heldUp = senderHeldUp(sender, now);
        return (
          heldUp && (
            <Alert
              key={sender.id}
              color="orange"
              icon={<IconAlertTriangle aria-hidden />}
              title="This mailbox is held back"
              styles={{ message: { color: "inherit" } }}
            >
              {heldUp.text} You can schedule all the same.
            </Alert>
          )
        );
      })}
    </Stack>
  );
}

function Use({ sender, isNamed }: { sender: Sender; isNamed: boolean }) {
  const { leftThisHour, leftToday, hourlyLimit, usedToday } = sender;
  return (
    <Text size="sm" c="dimmed">
      {isNamed && `${sender.email}: `}
      <Count value={leftThisHour} /> of <Count value={hourlyLimit} /> left this hour
      {leftToday !== null && (
        <>
          , <Count value={leftToday} /> today
        </>
      )}
      , <Count value={usedToday} /> sent in the last 24 hours
    </Text>
  );
}
