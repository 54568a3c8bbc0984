import { Button, Checkbox, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { ResponseSummary } from "@/features/inbound/queries";
import { kindWords, verdict, writerOf } from "@/features/inbound/words";
import { useMay } from "@/features/workspaces/useMay";
import { Time } from "@/time/Time";
import { counted } from "@/ui/numbers";
import panes from "@/ui/Panes.module.css";
import { StatusBadge } from "@/ui/StatusBadge";
import { choose, NOTHING } from "@/ui/selection";
import { useMark } from "./commands";
import { LabelField } from "./LabelField";
import classes from "./Replies.module.css";

interface Props {
  responses: readonly ResponseSummary[];
  /** The one being read. */
  current: number | undefined;
  more?: (() => void) | undefined;
  loadingMore: boolean;
}

/** The latest first; several may be chosen, to be marked at once. */
export function ReplyList({ responses, current, more, loadingMore }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const [selection, setSelection] = useState(NOTHING);
  const mayMark = useMay("member");
  useEffect(() => {
    if (current) list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [current]);
  const ids = responses.map(({ id }) => id);
  const chosen = ids.filter((id) => selection.chosen.has(id));
  return (
    <div className={panes.list}>
      {chosen.length > 0 && <Chosen ids={chosen} done={() => setSelection(NOTHING)} />}
      <ul ref={list} className={panes.items} aria-label="Responses">
        {responses.map((response) => (
          <li key={response.id} className={classes.item}>
            {mayMark && (
              <Checkbox
                size="xs"
                className={classes.check ?? ""}
                aria-label={`Choose ${writerOf(response)}`}
                checked={selection.chosen.has(response.id)}
                onChange={(event) => {
                  const { checked } = event.currentTarget;
                  const range = (event.nativeEvent as MouseEvent).shiftKey;
                  setSelection((old) => choose(old, ids, response.id, checked, range));
                }}
              />
            )}
            <Item response={response} />
          </li>
        ))}
      </ul>
      {more && (
        <div className={panes.more}>
          <Button variant="default" fullWidth onClick={more} loading={loadingMore}>
            Show older responses
          </Button>
        </div>
      )}
    </div>
  );
}

function Item({ response }: { response: ResponseSummary }) {
  return (
    <Link
      to="/replies"
      search={(old) => ({ ...old, response: response.id })}
      className={panes.item}
      data-unread={response.readAt === null || undefined}
      resetScroll={false}
    >
      <span className={panes.top}>
        <span className={panes.recipient}>{writerOf(response)}</span>
        <span className={panes.time}>
          <Time value={response.receivedAt} mode="relative" />
        </span>
      </span>
      <div className={panes.subject}>{response.subject || "(no subject)"}</div>
      <div className={panes.snippet}>{verdict(response) || response.beginning}</div>
      <span className={classes.marks}>
        <StatusBadge {...kindWords(response)} />
        {response.label && <span className={classes.label}>{response.label}</span>}
        {response.answeredAt && <span>Answered</span>}
        {response.readAt === null && <span className={classes.unread}>Unread</span>}
      </span>
    </Link>
  );
}

function Chosen({ ids, done }: { ids: readonly number[]; done: () => void }) {
  const { run, pending } = useMark();
  const mark = async (marks: { label?: string; read?: boolean }) => {
    if (await run({ ids: [...ids], ...marks })) done();
  };
  return (
    <Group className={classes.chosen ?? ""} gap="xs" role="group" aria-label="What is chosen">
      <Text size="sm" fw={550} w="100%">
        {counted(ids.length, "response")} chosen
      </Text>
      <LabelField value={null} onChange={(label) => void mark({ label })} />
      <Button size="xs" variant="default" loading={pending} onClick={() => void mark({ read: true })}>
        Mark as read
      </Button>
      <Button size="xs" variant="subtle" onClick={done}>
        Clear
      </Button>
    </Group>
  );
}
