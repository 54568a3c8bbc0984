import { Alert } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { AnchorLink } from "@/ui/links";
import { SUBJECTS } from "./DnsFindings";
import { dnsQuery, type Sender } from "./queries";

/** Advice before a campaign, never in its way: receivers distrust mail from a domain whose DNS is not right. */
export function DnsNote({ sender }: { sender: Sender }) {
  const { data } = useQuery({ ...dnsQuery(sender.id), enabled: sender.host !== null });
  const wrong = data?.own ? data.findings.filter(({ verdict }) => verdict === "wrong") : [];
  if (!data || wrong.length === 0) return null;
  return (
    <Alert
      color="orange"
      icon={<IconAlertTriangle aria-hidden />}
      title={`Receivers may distrust mail from ${data.domain}`}
    >
      {wrong.map(({ subject }) => SUBJECTS[subject]).join(", ")} in its DNS {wrong.length > 1 ? "are" : "is"}{" "}
      not right. <AnchorLink to="/senders">Its sender</AnchorLink> says what to publish. You can schedule all
      the same.
    </Alert>
  );
}
