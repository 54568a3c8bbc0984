import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { Time } from "@/time/Time";
import classes from "@/ui/Panes.module.css";
import type { SandboxSummary } from "../queries";

interface Props {
  messages: readonly SandboxSummary[];
  /** The one being read. */
  current: number | undefined;
  more?: (() => void) | undefined;
  loadingMore: boolean;
}

/** Newest first. Up and down go from message to message and open them; Home goes to the newest. */
export function MessageList({ messages, current, more, loadingMore }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const navigate = useNavigate();
  useEffect(() => {
    if (current) list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const onKeyDown = (event: KeyboardEvent) => {
    const links = [...(list.current?.querySelectorAll<HTMLAnchorElement>("a") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLAnchorElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    const message = to === undefined ? undefined : messages[to];
    if (to === undefined || !message) return;
    event.preventDefault();
    links[to]?.focus();
    void navigate({ to: "/sandbox", search: { message: message.id }, replace: true });
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the links in it have the focus
    <div className={classes.list} onKeyDown={onKeyDown}>
      <ul ref={list} className={classes.items} aria-label="Messages">
        {messages.map((message) => (
          <li key={message.id}>
            <Link to="/sandbox" search={{ message: message.id }} className={classes.item} resetScroll={false}>
              <span className={classes.top}>
                <span className={classes.recipient}>{message.envelopeTo.join(", ")}</span>
                <span className={classes.time}>
                  <Time value={message.receivedAt} mode="relative" />
                </span>
              </span>
              <div className={classes.subject}>{message.subject || "(no subject)"}</div>
              <div className={classes.snippet}>
                {message.headerFrom || message.envelopeFrom} · {message.snippet}
              </div>
            </Link>
          </li>
        ))}
      </ul>
      {more && (
        <div className={classes.more}>
          <Button variant="default" fullWidth onClick={more} loading={loadingMore}>
            Show older messages
          </Button>
        </div>
      )}
    </div>
  );
}
