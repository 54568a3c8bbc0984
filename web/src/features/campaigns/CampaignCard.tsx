import { Group, Paper, Stack, Text } from "@mantine/core";
import { WaitingNote } from "@/features/planning/WaitingNote";
import type { Sender } from "@/features/senders/queries";
import { SandboxBadge } from "@/features/senders/SandboxBadge";
import { useSandboxed } from "@/features/senders/useSandboxed";
import { Time } from "@/time/Time";
import { AnchorLink } from "@/ui/links";
import { counted } from "@/ui/numbers";
import { StatusBadge } from "@/ui/StatusBadge";
import { CampaignActions } from "./CampaignActions";
import classes from "./CampaignCard.module.css";
import { of } from "./counts";
import { Pace } from "./Pace";
import { ProgressBar, ProgressLegend } from "./ProgressBar";
import type { Campaign } from "./queries";
import { CAMPAIGN_STATUS } from "./words";

/** A campaign in the list. */
export function CampaignCard({ campaign, sender }: { campaign: Campaign; sender: Sender | undefined }) {
  const isSandboxed = useSandboxed();
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
              <StatusBadge {...CAMPAIGN_STATUS[campaign.status]} />
              {isSandboxed(sender) && <SandboxBadge />}
            </Group>
            <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
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
        <WaitingNote
          waiting={campaign.waiting}
          startTime={of(campaign, "SCHEDULED") === campaign.total ? campaign.startTime : undefined}
        />
      </Stack>
    </Paper>
  );
}
