import { Paper, Stack, Text, Title } from "@mantine/core";
import { Facts } from "@/ui/Facts";
import { HtmlFrame } from "@/ui/HtmlFrame";
import classes from "./CampaignContent.module.css";
import type { Campaign } from "./queries";

/** What the campaign's emails say, with merge fields as they were written. */
export function CampaignContent({ campaign }: { campaign: Campaign }) {
  return (
    <Stack gap="lg">
      <Paper withBorder radius="lg" p="lg">
        <Facts facts={[["Subject", campaign.subject]]} />
        <Title order={2} mt="md" mb="xs" size="h3">
          Text
        </Title>
        {campaign.body ? (
          <pre className={classes.text}>{campaign.body}</pre>
        ) : (
          <Text c="dimmed">None: it is HTML alone.</Text>
        )}
      </Paper>
      {campaign.bodyHtml !== null && (
        <Paper withBorder radius="lg" p="lg">
          <Title order={2} mb="xs" size="h3">
            HTML
          </Title>
          <HtmlFrame
            key={campaign.bodyHtml}
            className={classes.frame}
            path={`/api/campaigns/${campaign.id}/html`}
            title="The HTML of the campaign"
          />
        </Paper>
      )}
    </Stack>
  );
}
