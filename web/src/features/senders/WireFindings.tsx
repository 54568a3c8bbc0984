import { Alert, Button, Group, Loader, Select, Skeleton, Stack, Text } from "@mantine/core";
import { IconMailForward } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { sentence } from "@/api/problem";
import { useMay } from "@/features/workspaces/useMay";
import { Time } from "@/time/Time";
import { ErrorState } from "@/ui/ErrorState";
import { StatusBadge } from "@/ui/StatusBadge";
import { useCheckOnWire } from "./commands";
import { VERDICTS } from "./DnsFindings";
import { checkQuery, type Sender, type Showing, sendersQuery } from "./queries";

const SUBJECTS: Readonly<Record<Showing["subject"], string>> = {
  handover: "Handed over",
  tls: "Encryption",
  inbox: "Mailbox read",
  delivery: "Delivered",
  folder: "Folder",
  from: "From",
  message_id: "Message-ID",
  sent_copy: "Copy in Sent",
  one_click: "One-click unsubscribe",
  spf: "SPF",
  dkim: "DKIM",
  dmarc: "DMARC",
};

/** One mail sent from the mailbox and read back: what its way showed. */
export function WireFindings({ sender }: { sender: Sender }) {
  const { data: check, error, refetch } = useQuery(checkQuery(sender.id));
  if (error) return <ErrorState error={error} retry={refetch} />;
  if (check === undefined) return <Skeleton height={80} radius="md" aria-label="Loading" />;
  return (
    <Stack gap="sm">
      {check?.status === "RUNNING" ? (
        <Group gap="xs" role="status">
          <Loader size={15} aria-hidden />
          <Text size="sm">A mail to {check.to} is on its way. That may take up to five minutes.</Text>
        </Group>
      ) : check ? (
        <>
          {check.findings.map((showing) => (
            <ShowingRow key={showing.subject} showing={showing} />
          ))}
          <Text size="sm" c="dimmed">
            To {check.to}, <Time value={check.doneAt ?? check.requestedAt} />
            {check.latencyMs !== null && `, there after ${seconds(check.latencyMs)}`}
          </Text>
        </>
      ) : (
        <Text size="sm" c="dimmed">
          Not tried yet. One mail is sent from this mailbox and read back: whether it is signed, encrypted,
          recognised as yours, and where it lands.
        </Text>
      )}
      <Ask sender={sender} isRunning={check?.status === "RUNNING"} />
    </Stack>
  );
}

function Ask({ sender, isRunning }: { sender: Sender; isRunning: boolean }) {
  const mayChange = useMay("member");
  const { data: senders } = useQuery(sendersQuery());
  const command = useCheckOnWire(sender);
  const [to, setTo] = useState<string | null>(null);
  if (!mayChange) return null;
  const others = senders?.items.filter(({ id, imap }) => id !== sender.id && imap !== null) ?? [];
  return (
    <>
      <Group gap="xs" align="flex-end">
        {others.length > 0 && (
          <Select
            label="Send it to"
            size="xs"
            data={[
              { value: "", label: "itself" },
              ...others.map(({ email }) => ({ value: email, label: email })),
            ]}
            value={to ?? ""}
            onChange={(email) => setTo(email || null)}
            allowDeselect={false}
          />
        )}
        <Button
          size="xs"
          variant="default"
          leftSection={<IconMailForward size={15} aria-hidden />}
          loading={command.pending}
          disabled={isRunning}
          onClick={() => command.run(to)}
        >
          Send a mail and read it back
        </Button>
      </Group>
      {others.length === 0 && (
        <Text size="xs" c="dimmed">
          It goes to itself; or to a mailbox elsewhere, once that is a sender, too, and is read.
        </Text>
      )}
      {command.error && (
        <Alert color="red" role="alert">
          {sentence(command.error)}
        </Alert>
      )}
    </>
  );
}

function seconds(ms: number) {
  const rounded = Math.round(ms / 1000);
  return rounded > 1 ? `${rounded} seconds` : "a second";
}

function ShowingRow({ showing: { subject, verdict, text, advice } }: { showing: Showing }) {
  return (
    <Stack gap={4}>
      <Group gap="xs">
        <Text fw={600} size="sm" miw={64}>
          {SUBJECTS[subject]}
        </Text>
        <StatusBadge {...VERDICTS[verdict]} />
      </Group>
      <Text size="sm">
        {sentence(text)} {advice && sentence(advice)}
      </Text>
    </Stack>
  );
}
