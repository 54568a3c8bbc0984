import { Button, Group, Stack } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { AGAIN_MS } from "@/api/reading";
import { sendersQuery } from "@/features/senders/queries";
import { workspacesQuery } from "@/features/workspaces/queries";
import { useMay } from "@/features/workspaces/useMay";
import { useSelectWorkspace } from "@/features/workspaces/useSelectWorkspace";
import { Choice } from "@/ui/Choice";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { LoadMore } from "@/ui/LoadMore";
import { lazyPart } from "@/ui/lazyPart";
import { ButtonLink } from "@/ui/links";
import { optionsOf } from "@/ui/options";
import { PageHeader } from "@/ui/PageHeader";
import { Part } from "@/ui/Part";
import { TableSkeleton } from "@/ui/skeletons";
import { CampaignCard } from "./CampaignCard";
import { CampaignsSummary } from "./CampaignsSummary";
import { type CampaignStatus, campaignsIn } from "./queries";
import type { CampaignsSearch } from "./search";
import { CAMPAIGN_STATUS } from "./words";

const route = getRouteApi("/inside/");

const STATES: ReadonlyArray<{ value: CampaignStatus | null; label: string }> = [
  { value: null, label: "All" },
  ...optionsOf(CAMPAIGN_STATUS),
];

export function CampaignsPage() {
  const search = route.useSearch();
  const { status = null } = search;
  const navigate = route.useNavigate();
  const change = (patch: Partial<CampaignsSearch>) =>
    navigate({ search: (old) => ({ ...old, ...patch }), replace: true });
  return (
    <>
      <PageHeader title="Campaigns" description="Every campaign, how far it is and what holds it back." />
      <CampaignsSummary />
      <Stack gap="md">
        <Choice
          label="State"
          options={STATES}
          value={status}
          onChange={(value) => change({ status: value ?? undefined })}
        />
        <Part waiting={<div style={{ height: 36 }} />}>
          <CampaignFilters search={search} onChange={change} />
        </Part>
        <CampaignList search={search} />
      </Stack>
    </>
  );
}

const CampaignFilters = lazyPart(() => import("./CampaignFilters"), "CampaignFilters");
const CampaignTable = lazyPart(() => import("./CampaignTable"), "CampaignTable");

function CampaignList({ search }: { search: CampaignsSearch }) {
  const { status = null, compact, ...more } = search;
  const asked = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined));
  const query = useInfiniteQuery({
    ...campaignsIn(status, asked),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => AGAIN_MS * (state.data?.pages.length ?? 1), // all of its pages are read
  });
  const { data: senders } = useQuery(sendersQuery());
  if (query.isPending) return <TableSkeleton rows={6} />;
  if (!query.data) return <ErrorState error={query.error} retry={() => query.refetch()} />;
  const campaigns = query.data.pages.flatMap((page) => page.items);
  if (campaigns.length === 0) return status || Object.keys(asked).length > 0 ? <NoneFits /> : <NoneYet />;
  return (
    <>
      {compact ? (
        <Part waiting={<TableSkeleton rows={6} />}>
          <CampaignTable campaigns={campaigns} senders={senders?.items ?? []} />
        </Part>
      ) : (
        <Stack component="ul" gap="sm" m={0} p={0} aria-label="Campaigns">
          {campaigns.map((campaign) => (
            <CampaignCard
              key={campaign.id}
              campaign={campaign}
              sender={senders?.items.find((sender) => sender.id === campaign.senderId)}
            />
          ))}
        </Stack>
      )}
      <LoadMore query={query} shown={campaigns.length} noun="campaign" />
    </>
  );
}

/** The service's name for the workspace of its demo. */
const DEMO = "Demo";

function NoneYet() {
  const maySend = useMay("member");
  const { data: workspaces = [] } = useQuery(workspacesQuery());
  const { go, pending } = useSelectWorkspace();
  const demo = workspaces.find(({ name, selected }) => name === DEMO && !selected);
  return (
    <EmptyState
      icon={IconStack2}
      title="No campaign yet"
      action={
        <Group gap="xs" justify="center">
          {maySend && <ButtonLink to="/compose">Write the first one</ButtonLink>}
          {demo && (
            <Button variant="default" loading={pending} onClick={() => void go(demo.id)}>
              See the demo
            </Button>
          )}
        </Group>
      }
    >
      A campaign is one text for many people, sent one by one from your mailbox. You see here how far it is.
    </EmptyState>
  );
}

function NoneFits() {
  return (
    <EmptyState icon={IconStack2} title="No campaign fits">
      Choose another state or other words above to see the others.
    </EmptyState>
  );
}
