import { Anchor, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { sentence } from "@/api/problem";
import { Time } from "@/time/Time";
import { CopyField } from "@/ui/CopyField";
import { ErrorState } from "@/ui/ErrorState";
import { type Status, StatusBadge } from "@/ui/StatusBadge";
import { useAskDns } from "./commands";
import { dnsQuery, type Finding, type Sender } from "./queries";
import classes from "./SenderCard.module.css";

export const SUBJECTS: Readonly<Record<Finding["subject"], string>> = {
  spf: "SPF",
  dkim: "DKIM",
  dmarc: "DMARC",
  mx: "MX",
};

/** Of what DNS says, and of what a mail on the wire showed. */
export const VERDICTS: Readonly<Record<Finding["verdict"], Status>> = {
  good: { label: "Good", color: "var(--status-sent)" },
  weak: { label: "Could be surer", color: "var(--status-unknown)" },
  wrong: { label: "Wrong", color: "var(--status-failed)" },
  unknown: { label: "Not told", color: "var(--mantine-color-dimmed)" },
};

/** Findings by DNS about the sender's domain: whether receivers can tell that its mail is its own. */
export function DnsFindings({ sender }: { sender: Sender }) {
  const { data, error, refetch } = useQuery(dnsQuery(sender.id));
  const anew = useAskDns(sender);
  if (error) return <ErrorState error={error} retry={refetch} />;
  if (!data) return <Skeleton height={120} radius="md" aria-label="Asking DNS" />;
  if (!data.own) {
    return (
      <Text size="sm" c="dimmed">
        {data.domain} is the provider’s, who keeps its DNS in order: there is nothing for you to do.
      </Text>
    );
  }
  return (
    <Stack gap="sm">
      {data.findings.map((finding) => (
        <FindingRow key={finding.subject} finding={finding} />
      ))}
      <Group gap="xs">
        <Text size="sm" c="dimmed">
          {data.domain}, asked on <Time value={data.checkedAt} />
        </Text>
        <Anchor component="button" type="button" size="sm" onClick={() => anew.run()} disabled={anew.pending}>
          Ask again
        </Anchor>
      </Group>
    </Stack>
  );
}

function FindingRow({ finding: { subject, verdict, text, found = [], publish } }: { finding: Finding }) {
  return (
    <Stack gap={6}>
      <Group gap="xs">
        <Text fw={600} size="sm" w={64}>
          {SUBJECTS[subject]}
        </Text>
        <StatusBadge {...VERDICTS[verdict]} />
      </Group>
      <Text size="sm">{sentence(text)}</Text>
      {found.map((record) => (
        <Text key={record} size="xs" c="dimmed" className={classes.words ?? ""} ff="monospace">
          {record}
        </Text>
      ))}
      {publish && (
        <>
          <CopyField label={`${publish.type} record: its name`} value={publish.name} />
          <CopyField label={`${publish.type} record: its value`} value={publish.value} />
        </>
      )}
    </Stack>
  );
}
