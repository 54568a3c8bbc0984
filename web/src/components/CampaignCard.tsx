import { Group, Paper, Stack, Text } from "@mantine/core";
import type { Campaign, Sender } from "@/api/queries";
import { counted } from "@/lib/format";
import { CampaignActions } from "./CampaignActions";
import classes from "./CampaignCard.module.css";
import { HoldUpNote } from "./HoldUpNote";
import { AnchorLink } from "./links";
import { Pace } from "./Pace";
import { ProgressBar, ProgressLegend } from "./ProgressBar";
import { StatusBadge } from "./StatusBadge";
import { Time } from "./Time";

/** A campaign in the list. */
export function CampaignCard({ campaign, sender }: { campaign: Campaign; sender: Sender | undefined }) {
  return (
    <Paper component="li" withBorder radius="lg" p="md" className={classes.card}>
      <Stack gap={10}>
        <div className={classes.head}>
          <div className={classes.title}>
            <Group gap={10} wrap="nowrap">
              <AnchorLink
                to="/campaigns/$id"
                params={{ id: campaign.id }}
                className={classes.name ?? ""}
                title={campaign.name}
              >
                {campaign.name}
              </AnchorLink>
              <StatusBadge status={campaign.status} />
            </Group>
            <Text size="sm" c="dimmed" truncate>
              {counted(campaign.total, "email")}
              {sender && ` from ${sender.email}`} · start <Time value={campaign.startTime} />
            </Text>
          </div>
          <CampaignActions campaign={campaign} />
        </div>
        <ProgressBar campaign={campaign} />
        <Group justify="space-between" gap="4px 20px">
          <ProgressLegend campaign={campaign} />
          <Text size="sm" c="dimmed">
            <Pace campaign={campaign} />
          </Text>
        </Group>
        <HoldUpNote campaign={campaign} sender={sender} />
      </Stack>
    </Paper>
  );
}
