import "@mantine/core/styles/Tabs.layer.css";
import { Alert, Group, Paper, SimpleGrid, Skeleton, Stack, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ComponentProps, ReactNode } from "react";
import { sentence } from "@/api/problem";
import { AGAIN_MS } from "@/api/reading";
import { HeldNotice } from "@/features/ledger/HeldNotice";
import { WaitingNote } from "@/features/planning/WaitingNote";
import { type Sender, sendersQuery } from "@/features/senders/queries";
import { SandboxBadge } from "@/features/senders/SandboxBadge";
import { SandboxNote } from "@/features/senders/SandboxNote";
import { useSandboxed } from "@/features/senders/useSandboxed";
import { duration } from "@/time/format";
import { Time } from "@/time/Time";
import { ErrorState } from "@/ui/ErrorState";
import { lazyPart } from "@/ui/lazyPart";
import { AnchorLink, ButtonLink } from "@/ui/links";
import { isGone, NoSuch } from "@/ui/NoSuch";
import { count, counted } from "@/ui/numbers";
import { PageHeader } from "@/ui/PageHeader";
import { Part } from "@/ui/Part";
import { StatusBadge } from "@/ui/StatusBadge";
import { PageSkeleton } from "@/ui/skeletons";
import { AgainMenu } from "./AgainMenu";
import { CampaignActions } from "./CampaignActions";
import { CampaignContent } from "./CampaignContent";
import { CampaignDecisions } from "./CampaignDecisions";
import { CampaignEmails } from "./CampaignEmails";
import { CampaignResponses } from "./CampaignResponses";
import { CampaignSenders } from "./CampaignSenders";
import { CampaignWaiting } from "./CampaignWaiting";
import { CancelledNote } from "./CancelledNote";
import { calendarWords } from "./calendar";
import { of } from "./counts";
import { GivenNotes } from "./GivenNotes";
import { KeepingActions } from "./KeepingActions";
import { Pace } from "./Pace";
import { ProgressBar, ProgressLegend } from "./ProgressBar";
import { type Campaign, campaignQuery } from "./queries";
import type { CampaignSearch, CampaignTab } from "./search";
import { CAMPAIGN_STATUS } from "./words";

const route = getRouteApi("/inside/campaigns/$id");

const ForecastChart = lazyPart(() => import("./hours/ForecastChart"), "ForecastChart");
const CampaignSteps = lazyPart(() => import("./CampaignSteps"), "CampaignSteps");
const CampaignVariants = lazyPart(() => import("./CampaignVariants"), "CampaignVariants");
const HourlyChart = lazyPart(() => import("./hours/HourlyChart"), "HourlyChart");
const CampaignSettings = lazyPart(() => import("./settings/CampaignSettings"), "CampaignSettings");

type WithSteps = Pick<ComponentProps<typeof CampaignContent>, "StepsFields">;

export function CampaignPage({ StepsFields }: WithSteps) {
  const { id } = route.useParams();
  const {
    data: campaign,
    error,
    isPending,
    refetch,
  } = useQuery({
    ...campaignQuery(id),
    refetchInterval: AGAIN_MS,
    enabled: id > 0,
  });
  const { data: senders } = useQuery(sendersQuery());
  const isSandboxed = useSandboxed();
  if (id === 0 || isGone(error))
    return <NoSuch what="campaign" action={<ButtonLink to="/">Go to your campaigns</ButtonLink>} />;
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
  const from = senders?.items.filter(({ id }) => campaign.senderIds.includes(id)) ?? [];
  const isTrial = from.length > 0 && from.every(isSandboxed);
  const was = isTrial ? null : sandboxedUntil(campaign, from);
  return (
    <>
      <PageHeader
        title={campaign.name}
        description={
          <Group component="span" gap={10}>
            <StatusBadge {...CAMPAIGN_STATUS[campaign.status]} />
            {(isTrial || was) && <SandboxBadge />}
            <span>
              from <AnchorLink to="/senders">{sender?.email ?? `sender ${campaign.senderId}`}</AnchorLink>
              {campaign.senderIds.length > 1 && ` and ${counted(campaign.senderIds.length - 1, "other")}`}
            </span>
          </Group>
        }
        actions={
          <Group gap={6}>
            <CampaignActions campaign={campaign} />
            <AgainMenu campaign={campaign} />
            <KeepingActions campaign={campaign} />
          </Group>
        }
      />
      <Stack gap="lg">
        {(isTrial || was) && (
          <SandboxNote>
            {was ? (
              <>
                What was sent before <Time value={was} /> stayed on this machine: only then the sender got a
                server.
              </>
            ) : (
              "What counts as sent here stayed on this machine."
            )}
          </SandboxNote>
        )}
        <Progress campaign={campaign} sender={sender} />
        {(campaign.steps?.length ?? 0) > 1 && (
          <Part waiting={<Skeleton height={280} radius="lg" />}>
            <CampaignSteps campaign={campaign} />
          </Part>
        )}
        {(campaign.variants?.length ?? 0) > 0 && (
          <Part waiting={<Skeleton height={200} radius="lg" />}>
            <CampaignVariants campaign={campaign} />
          </Part>
        )}
        <CampaignResponses campaign={campaign} />
        <CampaignSenders campaign={campaign} senders={senders?.items ?? []} />
        <Parts campaign={campaign} sender={sender} StepsFields={StepsFields} />
      </Stack>
    </>
  );
}

/** Of a campaign that began before its sender got a server of its own: when that was. */
function sandboxedUntil(campaign: Campaign, from: readonly Sender[]): string | null {
  const until = from
    .map(({ sandboxUntil }) => sandboxUntil)
    .find((each) => each && campaign.startTime < each);
  return until && of(campaign, "SENT") > 0 ? until : null;
}

interface Props {
  campaign: Campaign;
  sender: Sender | undefined;
}

/** How far it is, what holds it back, when the next and the last are planned. */
function Progress({ campaign, sender }: Props) {
  const { held, waiting, nextAt, lastAt, delayBetweenMs, hourlyLimit } = campaign;
  const { calendar, latestAt, jitterPercent } = campaign;
  const paused = campaign.status === "PAUSED";
  // Of what is paused, or held back by its server, nobody knows when it goes.
  const goes = !paused && waiting?.reason !== "SENDER_BLOCKED";
  // The notice below says the same, and what can be answered.
  const saidBelow = held && (waiting?.reason === "REFUSED" || waiting?.reason === "SERVER_SLOW");
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
        {saidBelow ? <SenderBlocked sender={sender} /> : <CampaignWaiting campaign={campaign} />}
        <GivenNotes campaign={campaign} />
        <CancelledNote campaign={campaign} />
        {campaign.brake && (
          <Alert color="orange" title="It has paused itself">
            {sentence(campaign.brake)} Look into the list before you resume it.
          </Alert>
        )}
        {held && <HeldNotice held={held} of={{ kind: "campaign", id: campaign.id }} paused={paused} />}
        <CampaignDecisions campaign={campaign} />
        <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="md" mt={4}>
          <Fact name="Start" value={<Time value={campaign.startTime} />} />
          {goes && nextAt && <Fact name="Next email" value={<Time value={nextAt} />} />}
          {goes && lastAt && <Fact name="Last email" value={<Time value={lastAt} />} />}
          <Fact
            name="Pace"
            value={[
              delayBetweenMs > 0 ? `${spacing(delayBetweenMs)} apart` : "no delay",
              jitterPercent > 0 && `varied by ${jitterPercent} %`,
              hourlyLimit !== null && `${count(campaign.usedThisHour)} of ${count(hourlyLimit)} this hour`,
              campaign.senderIds.length === 1 &&
                sender &&
                `at most ${count(sender.hourlyLimit)} an hour by its sender`,
            ]
              .filter(Boolean)
              .join(", ")}
          />
          {latestAt && <Fact name="Not after" value={<Time value={latestAt} />} />}
        </SimpleGrid>
        {calendar && <Fact name="When" value={calendarWords(calendar)} />}
      </Stack>
    </Paper>
  );
}

/** Beside what is held of the campaign: till its sender is let in again, nothing of that is tried. */
function SenderBlocked({ sender }: { sender: Sender | undefined }) {
  if (!sender?.blockedUntil) return null;
  const detail = `${sender.email}: ${sentence(sender.blockReason ?? "")}`;
  return <WaitingNote waiting={{ reason: "SENDER_BLOCKED", until: sender.blockedUntil, detail }} />;
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

function Parts({ campaign, sender, StepsFields }: Props & WithSteps) {
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
        <CampaignContent campaign={campaign} StepsFields={StepsFields} />
      </Tabs.Panel>
      <Tabs.Panel value="settings">
        <Part waiting={waiting}>
          <CampaignSettings key={campaign.id} campaign={campaign} />
        </Part>
      </Tabs.Panel>
      <Tabs.Panel value="hours">
        <Part waiting={waiting}>
          <Stack gap="lg">
            <ForecastChart campaignId={campaign.id} />
            <HourlyChart senderId={campaign.senderId} sender={sender} />
          </Stack>
        </Part>
      </Tabs.Panel>
    </Tabs>
  );
}
