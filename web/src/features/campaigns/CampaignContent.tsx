import { Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import type { ComponentType } from "react";
import { Facts } from "@/ui/Facts";
import { HtmlFrame } from "@/ui/HtmlFrame";
import { bytes } from "@/ui/numbers";
import { Part } from "@/ui/Part";
import classes from "./CampaignContent.module.css";
import type { Campaign } from "./queries";

interface Props {
  campaign: Campaign;
  /** To change its variants and later steps with. */
  StepsFields: ComponentType<{ campaign: Campaign }>;
}

/** Files, copies and headers beside the text, where there are any. */
function besideOf({
  replyTo,
  cc = [],
  bcc = [],
  headers = {},
  attachments = [],
}: Campaign): [string, string][] {
  const named: [string, string][] = [
    ["Answers to", replyTo ?? ""],
    ["Cc", cc.join(", ")],
    ["Bcc", bcc.join(", ")],
    ...Object.entries(headers),
    ["Attached", attachments.map(({ name, size }) => `${name} (${bytes(size)})`).join(", ")],
  ];
  return named.filter(([, value]) => value);
}

/** The texts of the campaign's emails, with merge fields as they were written. */
export function CampaignContent({ campaign, StepsFields }: Props) {
  const isOpen = campaign.status === "ACTIVE" || campaign.status === "PAUSED";
  return (
    <Stack gap="lg">
      <Paper withBorder radius="lg" p="lg">
        <Facts facts={[["Subject", campaign.subject], ...besideOf(campaign)]} />
        <Title order={2} mt="md" mb="xs" size="h3">
          Text
        </Title>
        {campaign.body ? (
          <pre className={classes.text}>{campaign.body}</pre>
        ) : (
          <Text c="dimmed">None: it is HTML alone.</Text>
        )}
      </Paper>
      {(isOpen || (campaign.steps?.length ?? 0) > 0) && (
        <Part waiting={<Skeleton height={260} radius="lg" />}>
          <StepsFields key={campaign.id} campaign={campaign} />
        </Part>
      )}
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
