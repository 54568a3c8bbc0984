import { Stack } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { AGAIN_MS } from "@/api/reading";
import { sendersQuery } from "@/features/senders/queries";
import { useMay } from "@/features/workspaces/useMay";
import { Choice } from "@/ui/Choice";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { LoadMore } from "@/ui/LoadMore";
import { ButtonLink } from "@/ui/links";
import { optionsOf } from "@/ui/options";
import { PageHeader } from "@/ui/PageHeader";
import { TableSkeleton } from "@/ui/skeletons";
import { CampaignCard } from "./CampaignCard";
import { CampaignsSummary } from "./CampaignsSummary";
import { type CampaignStatus, campaignsIn } from "./queries";
import { CAMPAIGN_STATUS } from "./words";

const route = getRouteApi("/inside/");

const STATES: ReadonlyArray<{ value: CampaignStatus | null; label: string }> = [
  { value: null, label: "All" },
  ...optionsOf(CAMPAIGN_STATUS),
];

export function CampaignsPage() {
  const { status = null } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      <PageHeader title="Campaigns" description="Every campaign, how far it is and what holds it back." />
      <CampaignsSummary />
      <Stack gap="md">
        <Choice
          label="State"
          options={STATES}
          value={status}
          onChange={(value) => navigate({ search: { status: value ?? undefined }, replace: true })}
        />
        <CampaignList status={status} />
      </Stack>
    </>
  );
}

function CampaignList({ status }: { status: CampaignStatus | null }) {
  const query = useInfiniteQuery({
    ...campaignsIn(status),
    refetchInterval: ({ state }) => AGAIN_MS * (state.data?.pages.length ?? 1), // all of its pages are read
  });
  const { data: senders } = useQuery(sendersQuery());
  if (query.isPending) return <TableSkeleton rows={6} />;
  if (!query.data) return <ErrorState error={query.error} retry={() => query.refetch()} />;
  const campaigns = query.data.pages.flatMap((page) => page.items);
  if (campaigns.length === 0) return status ? <NoneOf status={status} /> : <NoneYet />;
  return (
    <>
      <Stack component="ul" gap="sm" m={0} p={0} aria-label="Campaigns">
        {campaigns.map((campaign) => (
          <CampaignCard
            key={campaign.id}
            campaign={campaign}
            sender={senders?.items.find((sender) => sender.id === campaign.senderId)}
          />
        ))}
      </Stack>
      <LoadMore query={query} shown={campaigns.length} noun="campaign" />
    </>
  );
}

function NoneYet() {
  const maySend = useMay("member");
  return (
    <EmptyState
      icon={IconStack2}
      title="No campaign yet"
      action={maySend && <ButtonLink to="/compose">Write the first one</ButtonLink>}
    >
      A campaign is one text for many people, sent one by one from your mailbox. You see here how far it is.
    </EmptyState>
  );
}

function NoneOf({ status }: { status: CampaignStatus }) {
  return (
    <EmptyState icon={IconStack2} title={`No campaign is ${CAMPAIGN_STATUS[status].label.toLowerCase()}`}>
      Choose another state above to see the others.
    </EmptyState>
  );
}
