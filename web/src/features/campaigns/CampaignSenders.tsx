import { Paper, Table } from "@mantine/core";
import type { Sender } from "@/features/senders/queries";
import { Time } from "@/time/Time";
import { Count } from "@/ui/Count";
import type { Campaign } from "./queries";

/** The part of the campaign that each of several mailboxes has. */
export function CampaignSenders({ campaign, senders }: { campaign: Campaign; senders: readonly Sender[] }) {
  if (campaign.senders.length < 2) return null;
  const columns = ["SENT", "SCHEDULED", "FAILED", "UNKNOWN"] as const;
  return (
    <Paper withBorder radius="lg" p="lg">
      <Table.ScrollContainer minWidth={520} type="native">
        <Table fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Mailbox</Table.Th>
              {["Sent", "Waiting", "Failed", "In doubt"].map((name) => (
                <Table.Th key={name} ta="end">
                  {name}
                </Table.Th>
              ))}
              <Table.Th>Next</Table.Th>
              <Table.Th>Last</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {campaign.senders.map(({ senderId, counts, nextAt, lastAt, takenOutAt }) => (
              <Table.Tr key={senderId}>
                <Table.Td>
                  {senders.find(({ id }) => id === senderId)?.email ?? `sender ${senderId}`}
                  {takenOutAt && " (taken out)"}
                </Table.Td>
                {columns.map((status) => (
                  <Table.Td key={status} ta="end">
                    <Count value={counts[status] ?? 0} />
                  </Table.Td>
                ))}
                <Table.Td>{nextAt ? <Time value={nextAt} /> : "-"}</Table.Td>
                <Table.Td>{lastAt ? <Time value={lastAt} /> : "-"}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}
