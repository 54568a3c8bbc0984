import { Box, Button, Group } from "@mantine/core";
import { IconInbox, IconInboxOff, IconTrash } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { keys } from "@/api/keys";
import { waysQuery } from "@/features/accounts/queries";
import { useMay } from "@/features/workspaces/useMay";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import classes from "@/ui/Panes.module.css";
import { SearchField } from "@/ui/SearchField";
import { TableSkeleton } from "@/ui/skeletons";
import { useRemoveMessages } from "../commands";
import { newestInSandboxQuery, sandboxQuery } from "../queries";
import { MessageList } from "./MessageList";
import { MessageReader } from "./MessageReader";

export function SandboxPage() {
  const { data: ways } = useQuery(waysQuery);
  return (
    <>
      <PageHeader
        title="Sandbox inbox"
        description="What the built-in mailbox received. Nothing in it went any further."
      />
      {ways?.sandbox === false ? (
        <EmptyState icon={IconInboxOff} title="No sandbox here">
          This installation sends through a real mail server, so nothing ends in a sandbox.
        </EmptyState>
      ) : (
        <Inbox />
      )}
    </>
  );
}

const route = getRouteApi("/inside/sandbox");

function Inbox() {
  const { message } = route.useSearch();
  const [q, setQ] = useState<string>();
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    ...sandboxQuery(q),
    placeholderData: keepPreviousData,
  });
  const maySend = useMay("member");
  const messages = data?.pages.flatMap((page) => page.items);
  const newest = useArrivals();
  // The list may be newer than the last look at what has come.
  const last = Math.max(newest ?? 0, messages?.[0]?.id ?? 0);
  if (!messages) return error ? <ErrorState error={error} retry={refetch} /> : <TableSkeleton />;
  if (messages.length === 0 && message === undefined && !q) {
    return (
      <EmptyState
        icon={IconInbox}
        title="Nothing has come yet"
        action={maySend && <ButtonLink to="/compose">Write a campaign</ButtonLink>}
      >
        Emails of senders without a mail server of their own end up here, and this page shows them as they
        come.
      </EmptyState>
    );
  }
  return (
    <>
      <Group component="search" gap="sm" mb="md">
        <Box flex="1 1 240px">
          <SearchField label="Search recipients" value={q} onChange={setQ} />
        </Box>
        {maySend && last > 0 && <RemoveAll last={last} />}
      </Group>
      {messages.length === 0 && message === undefined ? (
        <EmptyState icon={IconInbox} title="No such message">
          Nothing in the mailbox is to an address with “{q}” in it.
        </EmptyState>
      ) : (
        <div className={classes.panes} data-reading={message === undefined ? undefined : true}>
          <MessageList
            messages={messages}
            current={message}
            more={hasNextPage ? () => void fetchNextPage() : undefined}
            loadingMore={isFetchingNextPage}
          />
          {message === undefined ? (
            <div className={classes.reader}>
              <p className={classes.nothing}>Choose a message to read it here.</p>
            </div>
          ) : (
            <MessageReader id={message} />
          )}
        </div>
      )}
    </>
  );
}

/** All that is there by now; what comes meanwhile stays. */
function RemoveAll({ last }: { last: number }) {
  const navigate = route.useNavigate();
  const { ask, pending } = useRemoveMessages(last, () => navigate({ search: {} }));
  return (
    <Button
      variant="default"
      leftSection={<IconTrash size={16} aria-hidden />}
      loading={pending}
      onClick={() => void ask()}
    >
      Remove all
    </Button>
  );
}

/** Reads the list anew as soon as something newer has come than there was; the newest. */
function useArrivals(): number | undefined {
  const queries = useQueryClient();
  const { data } = useQuery({ ...newestInSandboxQuery(), refetchInterval: 3_000 });
  const arrived = data?.items[0]?.id;
  useEffect(() => {
    if (arrived !== undefined) void queries.invalidateQueries({ queryKey: keys.sandbox.lists() });
  }, [arrived, queries]);
  return arrived;
}
