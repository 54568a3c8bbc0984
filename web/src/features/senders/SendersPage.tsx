import { Alert, Anchor, Drawer, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconCircleCheck, IconMailbox, IconPlugConnectedX, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { waysQuery } from "@/features/accounts/queries";
import { useMay } from "@/features/workspaces/useMay";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { FocusBack } from "@/ui/FocusBack";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import { useFind } from "@/ui/useFind";
import { CONNECT_FAILURES } from "./connecting";
import { ImportForm } from "./ImportForm";
import { isChoosable, type Sender, sendersQuery } from "./queries";
import { RetiredSenders } from "./RetiredSenders";
import { SenderCard } from "./SenderCard";
import { SenderForm } from "./SenderForm";

const TITLES = { new: "Add a sender", file: "Add several mailboxes", one: "Edit the sender" };

const route = getRouteApi("/inside/senders");

export function SendersPage() {
  const { edit, connected, connectFailed, next } = route.useSearch();
  const navigate = useNavigate();
  const { data: ways } = useQuery(waysQuery);
  const { data, error, refetch } = useQuery({ ...sendersQuery(), refetchInterval: 5_000 });
  const fallback = ways?.sandbox ? "Sandbox mailbox" : "This installation's server";
  const close = () => navigate({ to: "/senders", search: {} });
  const edited = data?.items.find((sender) => sender.id === edit);
  const isConnected = data?.items.find((sender) => sender.id === connected);
  const mayChange = useMay("member");
  const chosen = data?.items.filter(isChoosable) ?? [];
  const { found, field } = useFind(
    chosen,
    "Search senders",
    ({ email, displayName }) => `${email} ${displayName}`,
  );
  const [saved, setSaved] = useState<number | null>(null);
  const onSaved = ({ id }: Sender) => {
    setSaved(null); // saved twice, it is asked twice
    requestAnimationFrame(() => setSaved(id));
    return close();
  };
  const add = mayChange && (
    <Group gap="xs">
      <ButtonLink to="/senders" search={{ edit: "file" }} variant="default">
        Several from a file
      </ButtonLink>
      <ButtonLink to="/senders" search={{ edit: "new" }} leftSection={<IconPlus size={17} aria-hidden />}>
        Add a sender
      </ButtonLink>
    </Group>
  );
  return (
    <>
      <PageHeader title="Senders" description="The mailboxes that campaigns are sent from." actions={add} />
      {connectFailed && (
        <Alert
          color="red"
          title="The mailbox is not connected"
          icon={<IconPlugConnectedX aria-hidden />}
          role="alert"
          mb="md"
          withCloseButton
          closeButtonLabel="Close"
          onClose={close}
        >
          {CONNECT_FAILURES[connectFailed]} {next && <Anchor href={next}>Back to where you were</Anchor>}
        </Alert>
      )}
      {isConnected && (
        <Alert
          color="petrol"
          title={`${isConnected.email} is connected`}
          icon={<IconCircleCheck aria-hidden />}
          role="status"
          mb="md"
          withCloseButton
          closeButtonLabel="Close"
          onClose={close}
        >
          It sends and is read without a password. Verify it, and give it the limits that suit it.
        </Alert>
      )}
      {data ? (
        data.items.length > 0 ? (
          <Stack>
            {field}
            {found.map((sender) => (
              <SenderCard key={sender.id} sender={sender} fallback={fallback} saved={sender.id === saved} />
            ))}
            {found.length === 0 && chosen.length > 0 && <Text c="dimmed">No sender is called that.</Text>}
            {!data.items.every(isChoosable) && (
              <RetiredSenders senders={data.items.filter((sender) => !isChoosable(sender))} />
            )}
          </Stack>
        ) : (
          <EmptyState icon={IconMailbox} title="No sender yet" action={add}>
            Add the mailbox that your campaigns are to come from.
          </EmptyState>
        )
      ) : error ? (
        <ErrorState error={error} retry={refetch} />
      ) : (
        <Stack role="group" aria-busy="true" aria-label="Loading">
          <Skeleton height={158} radius="lg" />
          <Skeleton height={158} radius="lg" />
        </Stack>
      )}
      <Drawer
        opened={
          mayChange && (edit === "new" || edit === "file" || (edit !== undefined && data !== undefined))
        }
        onClose={close}
        position="right"
        size={520}
        title={
          <Text fw={620} size="lg" component="span">
            {TITLES[edit === "new" || edit === "file" ? edit : "one"]}
          </Text>
        }
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <FocusBack />
        {edit === "file" ? (
          <ImportForm done={close} />
        ) : edit === "new" || edited ? (
          <SenderForm key={edit} sender={edited} fallback={fallback} done={onSaved} cancel={close} />
        ) : (
          edit !== undefined && <Text>There is no such sender any more.</Text>
        )}
      </Drawer>
    </>
  );
}
