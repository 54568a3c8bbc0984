import { Table } from "@mantine/core";
import type { Sender } from "@/features/senders/queries";
import { Time } from "@/time/Time";
import { AnchorLink } from "@/ui/links";
import { count } from "@/ui/numbers";
import { StatusBadge } from "@/ui/StatusBadge";
import { of } from "./counts";
import type { Campaign } from "./queries";
import { CAMPAIGN_STATUS } from "./words";

interface Props {
  campaigns: readonly Campaign[];
  senders: readonly Sender[];
}

/** The compact list: a line each. */
export function CampaignTable({ campaigns, senders }: Props) {
  return (
    <Table.ScrollContainer
      minWidth={640}
      bg="var(--surface)"
      style={{ border: "1px solid var(--line)", borderRadius: "var(--mantine-radius-lg)" }}
    >
      <Table aria-label="Campaigns">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Sender</Table.Th>
            <Table.Th ta="right">Sent</Table.Th>
            <Table.Th ta="right">Failed</Table.Th>
            <Table.Th>Start</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {campaigns.map((campaign) => (
            <Table.Tr key={campaign.id}>
              <Table.Td>
                <AnchorLink to="/campaigns/$id" params={{ id: campaign.id }} c="inherit">
                  {campaign.name}
                </AnchorLink>
              </Table.Td>
              <Table.Td>
                <StatusBadge {...CAMPAIGN_STATUS[campaign.status]} />
              </Table.Td>
              <Table.Td>{senders.find(({ id }) => id === campaign.senderId)?.email ?? "–"}</Table.Td>
              <Table.Td ta="right" className="tabular">
                {count(of(campaign, "SENT"))} of {count(campaign.total)}
              </Table.Td>
              <Table.Td ta="right" className="tabular">
                {count(of(campaign, "FAILED"))}
              </Table.Td>
              <Table.Td>
                <Time value={campaign.startTime} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
