import { Box, Group, Select, Stack, Switch } from "@mantine/core";
import { IconLock, IconMessageReply } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { labelsQuery, responsesQuery, unreadQuery } from "@/features/inbound/queries";
import { useMayRead } from "@/features/inbound/useMayRead";
import { KIND, KINDS } from "@/features/inbound/words";
import { CampaignFilter } from "@/features/ledger/CampaignFilter";
import { SenderFilter } from "@/features/ledger/SenderFilter";
import { Choice } from "@/ui/Choice";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import classes from "@/ui/Panes.module.css";
import { SearchField } from "@/ui/SearchField";
import { TableSkeleton } from "@/ui/skeletons";
import { ReplyList } from "./ReplyList";
import { filterOf, type ReplySearch } from "./search";
import { Thread } from "./Thread";
import { useKeys } from "./useKeys";

const route = getRouteApi("/inside/replies");

/** The page of responses: read, labelled, corrected, answered. */
export function RepliesPage() {
  const mayRead = useMayRead();
  return (
    <>
      <PageHeader
        title="Replies"
        description="What came back for your emails: answers, absence notes, bounces, opt-outs."
      />
      {mayRead ? (
        <Stack gap="md">
          <Filters />
          <Found />
        </Stack>
      ) : (
        <EmptyState icon={IconLock} title="Not for your role">
          In this workspace, what came back is read by others. An owner decides who, under Settings, Members.
        </EmptyState>
      )}
    </>
  );
}

function useChange() {
  const navigate = route.useNavigate();
  return (patch: Partial<ReplySearch>) =>
    navigate({ search: (old) => ({ ...old, ...patch }), replace: true, resetScroll: false });
}

function Filters() {
  const search = route.useSearch();
  const change = useChange();
  const { data: unread } = useQuery(unreadQuery());
  const { data: labels } = useQuery(labelsQuery());
  const options = [
    ...new Set([...(search.label ? [search.label] : []), ...(labels ?? []).map(({ label }) => label)]),
  ];
  return (
    <>
      <Choice
        label="Kind"
        options={[
          { value: undefined, label: "All" },
          ...KINDS.map((value) => ({ value, label: KIND[value].many, n: unread?.[value] || undefined })),
        ]}
        value={search.kind === "FOUND_IN_SENT" ? undefined : search.kind}
        onChange={(kind) => change({ kind, response: undefined })}
      />
      <Group component="search" gap="sm">
        <Box flex="1 1 220px">
          <SearchField label="Search people and texts" value={search.q} onChange={(q) => change({ q })} />
        </Box>
        <CampaignFilter value={search.campaignId} onChange={(campaignId) => change({ campaignId })} />
        <SenderFilter value={search.senderId} onChange={(senderId) => change({ senderId })} />
        <Select
          aria-label="Label"
          placeholder="Any label"
          w={150}
          data={options}
          value={search.label ?? null}
          onChange={(label) => change({ label: label ?? undefined })}
          clearable
          clearButtonProps={{ "aria-label": "Any label" }}
          nothingFoundMessage="No labels yet"
        />
        <Switch
          label="Unread"
          checked={search.unread ?? false}
          onChange={(event) => change({ unread: event.currentTarget.checked || undefined })}
        />
      </Group>
    </>
  );
}

function Found() {
  const search = route.useSearch();
  const change = useChange();
  const query = useInfiniteQuery({ ...responsesQuery(filterOf(search)), placeholderData: keepPreviousData });
  const found = query.data?.pages.flatMap(({ items }) => items) ?? [];
  const open = (id: number | undefined) => void change({ response: id });
  useKeys(found, search.response, open);
  if (!query.data)
    return query.error ? <ErrorState error={query.error} retry={query.refetch} /> : <TableSkeleton />;
  if (found.length === 0 && search.response === undefined) return <Nothing search={search} />;
  return (
    <div className={classes.panes} data-reading={search.response === undefined ? undefined : true}>
      <ReplyList
        responses={found}
        current={search.response}
        more={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
        loadingMore={query.isFetchingNextPage}
      />
      {search.response === undefined ? (
        <div className={classes.reader}>
          <p className={classes.nothing}>
            Choose a response to read it here. Keys: j and k go down and up, r answers, e goes to the next
            unread one.
          </p>
        </div>
      ) : (
        <Thread key={search.response} id={search.response} close={() => open(undefined)} />
      )}
    </div>
  );
}

function Nothing({ search: { response: _, ...filter } }: { search: ReplySearch }) {
  if (Object.values(filter).some((each) => each !== undefined)) {
    return (
      <EmptyState icon={IconMessageReply} title="None of these">
        Nothing that came back fits what is sought.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={IconMessageReply}
      title="Nothing has come back yet"
      action={<ButtonLink to="/senders">Your senders</ButtonLink>}
    >
      Answers, absence notes and bounces appear here by themselves, from senders whose inbox is read.
    </EmptyState>
  );
}
