import { Group, Paper, SimpleGrid, Skeleton, Stack, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense } from "react";
import {
  AGAIN_MS,
  type Campaign as CampaignData,
  campaignQuery,
  type Sender,
  sendersQuery,
} from "@/api/queries";
import { CampaignActions } from "@/components/CampaignActions";
import { CampaignContent } from "@/components/CampaignContent";
import { CampaignDecisions, CampaignEmails } from "@/components/CampaignEmails";
import { ErrorState } from "@/components/ErrorState";
import { HoldUpNote } from "@/components/HoldUpNote";
import { AnchorLink } from "@/components/links";
import { Pace } from "@/components/Pace";
import { PageHeader } from "@/components/PageHeader";
import { ProgressBar, ProgressLegend } from "@/components/ProgressBar";
import { StatusBadge } from "@/components/StatusBadge";
import { PageSkeleton } from "@/components/skeletons";
import { Time } from "@/components/Time";
import { count, duration } from "@/lib/format";
import type { CampaignSearch, CampaignTab } from "@/lib/search";

const route = getRouteApi("/inside/campaigns/$id");

const HourlyChart = lazy(() =>
  import("@/components/HourlyChart").then(({ HourlyChart }) => ({ default: HourlyChart })),
);
const CampaignSettings = lazy(() =>
  import("@/components/CampaignSettings").then(({ CampaignSettings }) => ({ default: CampaignSettings })),
);

export function Campaign() {
  const { id } = route.useParams();
  const {
    data: campaign,
    error,
    isPending,
    refetch,
  } = useQuery({
    ...campaignQuery(id),
    refetchInterval: AGAIN_MS,
  });
  const { data: senders } = useQuery(sendersQuery);
  if (isPending) return <PageSkeleton />;
  if (!campaign) {
    return (
      <>
        <PageHeader title={`Campaign ${id}`} />
        <ErrorState error={error} retry={refetch} />
      </>
    );
  }
  const sender = senders?.items.find((each) => each.id === campaign.senderId);
  return (
    <>
      <PageHeader
        title={campaign.name}
        description={
          <Group component="span" gap={10}>
            <StatusBadge status={campaign.status} />
            <span>
              from <AnchorLink to="/senders">{sender?.email ?? `sender ${campaign.senderId}`}</AnchorLink>
            </span>
          </Group>
        }
        actions={<CampaignActions campaign={campaign} />}
      />
      <Stack gap="lg">
        <Progress campaign={campaign} sender={sender} />
        <Parts campaign={campaign} sender={sender} />
      </Stack>
    </>
  );
}

interface Props {
  campaign: CampaignData;
  sender: Sender | undefined;
}

/** How far it is, what holds it back, when the next and the last are planned. */
function Progress({ campaign, sender }: Props) {
  const { nextAt, lastAt, delayBetweenMs, hourlyLimit } = campaign;
  return (
    <Paper withBorder radius="lg" p="lg">
      <Stack gap="sm">
        <ProgressBar campaign={campaign} tall />
        <Group justify="space-between" gap="4px 20px">
          <ProgressLegend campaign={campaign} />
          <Text size="sm" c="dimmed">
            <Pace campaign={campaign} />
          </Text>
        </Group>
        <HoldUpNote campaign={campaign} sender={sender} />
        <CampaignDecisions campaign={campaign} />
        <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="md" mt={4}>
          <Fact name="Start" value={<Time value={campaign.startTime} />} />
          {nextAt && <Fact name="Next email" value={<Time value={nextAt} />} />}
          {lastAt && <Fact name="Last email" value={<Time value={lastAt} />} />}
          <Fact
            name="Pace"
            value={[
              delayBetweenMs > 0 ? `${spacing(delayBetweenMs)} apart` : "no delay",
              hourlyLimit !== null && `${count(campaign.usedThisHour)} of ${count(hourlyLimit)} this hour`,
            ]
              .filter(Boolean)
              .join(", ")}
          />
        </SimpleGrid>
      </Stack>
    </Paper>
  );
}

const spacing = (ms: number) => (ms < 10_000 ? `${ms / 1000} s` : duration(ms));

function Fact({ name, value }: { name: string; value: ReactNode }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Text>{value}</Text>
    </div>
  );
}

function Parts({ campaign, sender }: Props) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change = (patch: Partial<CampaignSearch>) =>
    navigate({ search: (old) => ({ ...old, ...patch }), replace: true, resetScroll: false });
  const open = (tab: string | null) =>
    change({ tab: tab === "emails" ? undefined : ((tab ?? undefined) as CampaignTab | undefined) });
  const waiting = <Skeleton height={260} radius="lg" />;
  return (
    <Tabs value={search.tab ?? "emails"} onChange={open} keepMounted={false}>
      <Tabs.List mb="md">
        <Tabs.Tab value="emails">Emails</Tabs.Tab>
        <Tabs.Tab value="content">Content</Tabs.Tab>
        <Tabs.Tab value="settings">Settings</Tabs.Tab>
        <Tabs.Tab value="hours">By the hour</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="emails">
        <CampaignEmails campaign={campaign} search={search} onChange={change} />
      </Tabs.Panel>
      <Tabs.Panel value="content">
        <CampaignContent campaign={campaign} />
      </Tabs.Panel>
      <Tabs.Panel value="settings">
        <Suspense fallback={waiting}>
          <CampaignSettings campaign={campaign} />
        </Suspense>
      </Tabs.Panel>
      <Tabs.Panel value="hours">
        <Suspense fallback={waiting}>
          <HourlyChart senderId={campaign.senderId} sender={sender} />
        </Suspense>
      </Tabs.Panel>
    </Tabs>
  );
}
