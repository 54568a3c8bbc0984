import { IconInbox, IconInboxOff } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect } from "react";
import { keys } from "@/api/keys";
import { waysQuery } from "@/features/accounts/queries";
import { useMay } from "@/features/workspaces/useMay";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import classes from "@/ui/Panes.module.css";
import { TableSkeleton } from "@/ui/skeletons";
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
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery(
    sandboxQuery(),
  );
  const maySend = useMay("member");
  const messages = data?.pages.flatMap((page) => page.items);
  useArrivals(messages?.[0]?.id);
  if (!messages) return error ? <ErrorState error={error} retry={refetch} /> : <TableSkeleton />;
  if (messages.length === 0 && message === undefined) {
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
  );
}

/** Reads the list anew as soon as something newer than `newest` has come. */
function useArrivals(newest: number | undefined) {
  const queries = useQueryClient();
  const { data } = useQuery({ ...newestInSandboxQuery(), refetchInterval: 3_000 });
  const arrived = data?.items[0]?.id;
  useEffect(() => {
    if (arrived !== undefined && arrived !== newest)
      void queries.invalidateQueries({ queryKey: keys.sandbox.list() });
  }, [arrived, newest, queries]);
}
