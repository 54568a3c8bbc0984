import { Group, SegmentedControl, Skeleton, Stack, Title } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useMay } from "@/features/workspaces/useMay";
import { Time } from "@/time/Time";
import { ErrorState } from "@/ui/ErrorState";
import { HtmlFrame } from "@/ui/HtmlFrame";
import { ButtonLink } from "@/ui/links";
import classes from "@/ui/Panes.module.css";
import { type SandboxMessage, sandboxMessageQuery } from "../queries";
import { ReplyAs } from "./ReplyAs";

type View = "html" | "text" | "source";

/** One message: who, what, when, and its body as HTML, as text or as it came. */
export function MessageReader({ id }: { id: number }) {
  const { data, error, refetch } = useQuery(sandboxMessageQuery(id));
  return (
    <section className={classes.reader} aria-label="Message">
      {data ? (
        <Message message={data} />
      ) : error ? (
        <ErrorState error={error} what="message" retry={refetch} />
      ) : (
        <Loading />
      )}
    </section>
  );
}

function Message({ message }: { message: SandboxMessage }) {
  const [wanted, setWanted] = useState<View>("html");
  const mayReply = useMay("member");
  const views: Array<{ value: View; label: string }> = [
    ...(message.html === null ? [] : [{ value: "html" as const, label: "HTML" }]),
    ...(message.text === null ? [] : [{ value: "text" as const, label: "Text" }]),
    { value: "source", label: "Source" },
  ];
  const view = views.find(({ value }) => value === wanted)?.value ?? views[0]?.value ?? "source";
  return (
    <>
      <div className={classes.head}>
        <ButtonLink
          to="/sandbox"
          search={{}}
          size="compact-sm"
          variant="subtle"
          mb="xs"
          ml={-8}
          className={classes.back}
          leftSection={<IconArrowLeft size={16} aria-hidden />}
        >
          All messages
        </ButtonLink>
        <Group justify="space-between" align="flex-start" gap="sm">
          <Title order={2} flex="1 1 240px" style={{ overflowWrap: "anywhere" }}>
            {message.subject || "(no subject)"}
          </Title>
          <SegmentedControl
            size="xs"
            data={views}
            value={view}
            onChange={(value) => setWanted(value as View)}
            aria-label="Show as"
          />
        </Group>
        <Headers message={message} />
        {mayReply && <ReplyAs key={message.id} message={message} />}
      </div>
      <section className={classes.body} tabIndex={view === "html" ? undefined : 0} aria-label="Body">
        {view === "html" && (
          <HtmlFrame
            key={message.id}
            path={`/api/sandbox/messages/${message.id}/html`}
            title="The message's HTML"
            className={classes.frame}
          />
        )}
        {view === "text" && <pre className={classes.text}>{message.text}</pre>}
        {view === "source" && <pre className={classes.source}>{message.raw}</pre>}
      </section>
    </>
  );
}

function Headers({ message }: { message: SandboxMessage }) {
  const to = message.envelopeTo.join(", ");
  return (
    <dl className={classes.headers}>
      <dt>From</dt>
      <dd>{message.headerFrom || message.envelopeFrom}</dd>
      <dt>To</dt>
      <dd>{message.headerTo || to}</dd>
      {message.headerTo && message.headerTo !== to && (
        <>
          <dt>Delivered to</dt>
          <dd>{to}</dd>
        </>
      )}
      <dt>Received</dt>
      <dd>
        <Time value={message.receivedAt} />
      </dd>
      <dt>Message-ID</dt>
      <dd>{message.messageId}</dd>
    </dl>
  );
}

function Loading() {
  return (
    <Stack p="lg" role="group" aria-busy="true" aria-label="Loading">
      <Skeleton height={24} width="60%" />
      <Skeleton height={14} width="40%" />
      <Skeleton height={14} width="40%" />
      <Skeleton height={180} />
    </Stack>
  );
}
