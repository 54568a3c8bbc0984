import { Button, Group, Select, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconArrowLeft, IconMailOpened, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { type Kind, type Response, threadQuery } from "@/features/inbound/queries";
import { KIND, KINDS, kindWords, writerOf } from "@/features/inbound/words";
import { useMay } from "@/features/workspaces/useMay";
import { ErrorState } from "@/ui/ErrorState";
import panes from "@/ui/Panes.module.css";
import { AnswerForm } from "./AnswerForm";
import { useCorrect, useForget, useMark, useRead } from "./commands";
import { LabelField } from "./LabelField";
import classes from "./Replies.module.css";
import { ThreadPart } from "./ThreadPart";

interface Props {
  id: number;
  close: () => void;
}

/** All that went to and fro, the response that was chosen among it. To open it is to read it. */
export function Thread({ id, close }: Props) {
  // Asked for whenever it is opened: somebody may have marked it since.
  const { data, error, refetch, isFetchedAfterMount } = useQuery({ ...threadQuery(id), staleTime: 0 });
  const response = data?.items.find((item) => item.response?.id === id)?.response;
  return (
    <section className={panes.reader} aria-label="Thread">
      <Button
        size="compact-sm"
        variant="subtle"
        m="xs"
        className={panes.back ?? ""}
        leftSection={<IconArrowLeft size={16} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
        onClick={close}
      >
        All responses
      </Button>
      {data && response ? (
        <>
          <Head response={response} isCurrent={isFetchedAfterMount} close={close} />
          <div className={`${panes.body} ${classes.thread}`}>
            {data.items.map((item) => (
              <ThreadPart
                key={item.email ? `e${item.email.id}` : `r${item.response?.id}`}
                item={item}
                isChosen={item.response?.id === id}
              />
            ))}
            <AnswerForm response={response} />
          </div>
        </>
      ) : error ? (
        <ErrorState error={error} what="response" retry={refetch} />
      ) : (
        <Stack p="lg" role="group" aria-busy="true" aria-label="Loading">
          <Skeleton height={24} width="60%" />
          <Skeleton height={180} />
        </Stack>
      )}
    </section>
  );
}

interface HeadProps {
  response: Response;
  /** It is what the server has said since it was opened. */
  isCurrent: boolean;
  close: () => void;
}

function Head({ response, isCurrent, close }: HeadProps) {
  const mayMark = useMay("member");
  const { run: setRead, pending } = useRead();
  const { run: mark } = useMark();
  const { id, readAt } = response;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, as it is opened
  useEffect(() => {
    if (isCurrent && mayMark && readAt === null) void setRead({ id, read: true });
  }, [id, isCurrent, mayMark]);
  return (
    <div className={panes.head}>
      <Title order={2} style={{ overflowWrap: "anywhere" }}>
        {response.subject || "(no subject)"}
      </Title>
      <Text size="sm" c="dimmed">
        {writerOf(response)}
        {response.writer && response.writerName && ` <${response.writer}>`}
      </Text>
      {mayMark && (
        <Group gap="xs" mt="sm">
          <KindField response={response} />
          <LabelField
            key={response.label}
            value={response.label}
            onChange={(label) => void mark({ ids: [id], label })}
          />
          <Button
            size="xs"
            variant="default"
            leftSection={<IconMailOpened size={15} aria-hidden />}
            loading={pending}
            onClick={async () => {
              if (await setRead({ id, read: false })) close();
            }}
          >
            Mark as unread
          </Button>
          <Forget response={response} close={close} />
        </Group>
      )}
      {response.weak && <Weak response={response} />}
    </div>
  );
}

/** The kind of a response, which a person may correct. */
function KindField({ response }: { response: Response }) {
  const { correct, pending } = useCorrect(response);
  return (
    <Select
      size="xs"
      w={130}
      aria-label="What it is"
      data={KINDS.map((value) => ({ value, label: KIND[value].label }))}
      value={response.kind}
      onChange={(kind) => kind && kind !== response.kind && void correct(kind as Kind)}
      allowDeselect={false}
      disabled={pending}
    />
  );
}

function Forget({ response, close }: { response: Response; close: () => void }) {
  const { forget, pending } = useForget(response, close);
  return (
    <Button
      size="xs"
      variant="subtle"
      leftSection={<IconTrash size={15} aria-hidden />}
      loading={pending}
      onClick={() => void forget()}
    >
      Forget
    </Button>
  );
}

/** Only an address says whose answer it is: a bounce or a complaint is believed once a person has. */
function Weak({ response }: { response: Response }) {
  const { correct, pending } = useCorrect(response);
  const mayMark = useMay("member");
  return (
    <Group gap="xs" mt="sm" className={classes.weak ?? ""}>
      <Text size="sm" flex="1 1 200px">
        It names no email of yours: only the address tells that it may answer the one above.
      </Text>
      {mayMark && (
        <Button
          size="xs"
          variant="default"
          loading={pending}
          onClick={() => void correct(response.kind as Kind)}
        >
          It does: {kindWords(response).label.toLowerCase()}
        </Button>
      )}
    </Group>
  );
}
