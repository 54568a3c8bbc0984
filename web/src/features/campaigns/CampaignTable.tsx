import { Box, Table } from "@mantine/core";
import type { Sender } from "@/features/senders/queries";
import { Time } from "@/time/Time";
import { AnchorLink } from "@/ui/links";
import { count } from "@/ui/numbers";
import { StatusBadge } from "@/ui/StatusBadge";
import classes from "./CampaignTable.module.css";
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
      minWidth={320}
      bg="var(--surface)"
      style={{ border: "1px solid var(--line)", borderRadius: "var(--mantine-radius-lg)" }}
    >
      <Table aria-label="Campaigns" className={classes.table ?? ""}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th visibleFrom="sm">State</Table.Th>
            <Table.Th visibleFrom="md">Sender</Table.Th>
            <Table.Th ta="right">Sent</Table.Th>
            <Table.Th ta="right" visibleFrom="sm">
              Failed
            </Table.Th>
            <Table.Th visibleFrom="sm">Start</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {campaigns.map((campaign) => (
            <Table.Tr key={campaign.id}>
              <Table.Td className={classes.named ?? ""}>
                <AnchorLink
                  to="/campaigns/$id"
                  params={{ id: campaign.id }}
                  c="inherit"
                  className={classes.name ?? ""}
                  title={campaign.name}
                >
                  {campaign.name}
                </AnchorLink>
                <Box hiddenFrom="sm">
                  <StatusBadge {...CAMPAIGN_STATUS[campaign.status]} />
                </Box>
              </Table.Td>
              <Table.Td visibleFrom="sm">
                <StatusBadge {...CAMPAIGN_STATUS[campaign.status]} />
              </Table.Td>
              <Table.Td visibleFrom="md">
                {senders.find(({ id }) => id === campaign.senderId)?.email ?? "–"}
              </Table.Td>
              <Table.Td ta="right" className="tabular">
                {count(of(campaign, "SENT"))} of {count(campaign.total)}
              </Table.Td>
              <Table.Td ta="right" className="tabular" visibleFrom="sm">
                {count(of(campaign, "FAILED"))}
              </Table.Td>
              <Table.Td visibleFrom="sm">
                <Time value={campaign.startTime} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
