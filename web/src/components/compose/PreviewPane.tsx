import { ActionIcon, Box, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { sentence } from "@/api/problem";
import type { Sender } from "@/api/queries";
import { count } from "@/lib/format";
import type { Rendered } from "@/lib/scheduling";
import classes from "./compose.module.css";
import type { Recipients } from "./useRecipients";

interface Props {
  sender: Sender | undefined;
  recipients: Recipients;
  at: number;
  onGo: (at: number) => void;
  rendered: Rendered | undefined;
  error: unknown;
  /** The request that `rendered` answers. */
  request: string;
  rich: boolean;
}

const FRAME = "html-preview";

/** The email as one recipient will read it. */
export function PreviewPane({ sender, recipients, at, onGo, rendered, error, request, rich }: Props) {
  const [part, setPart] = useState<"html" | "text">("html");
  const { sample } = recipients;
  const recipient = sample[at];
  const isHtml = rich && part === "html";
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="xs" mih={30}>
        {recipient ? (
          <Group gap={4}>
            <ActionIcon
              variant="default"
              aria-label="Previous recipient"
              disabled={at === 0}
              onClick={() => onGo(at - 1)}
            >
              <IconChevronLeft size={16} aria-hidden />
            </ActionIcon>
            <ActionIcon
              variant="default"
              aria-label="Next recipient"
              disabled={at >= sample.length - 1}
              onClick={() => onGo(at + 1)}
            >
              <IconChevronRight size={16} aria-hidden />
            </ActionIcon>
            <Text size="sm" c="dimmed" ml={4} className="tabular">
              {count(at + 1)} of {count(recipients.count)}
            </Text>
          </Group>
        ) : (
          <Text size="sm" c="dimmed">
            Add recipients to see what each of them gets.
          </Text>
        )}
        {rich && (
          <SegmentedControl
            size="xs"
            aria-label="Part of the email"
            data={[
              { value: "html", label: "Rich" },
              { value: "text", label: "Plain" },
            ]}
            value={part}
            onChange={(value) => setPart(value as "html" | "text")}
          />
        )}
      </Group>
      <article className={classes.message} aria-label="Preview">
        <dl className={classes.head}>
          <dt>From</dt>
          <dd>{sender && (sender.displayName ? `${sender.displayName} <${sender.email}>` : sender.email)}</dd>
          <dt>To</dt>
          <dd>{recipient?.email ?? "–"}</dd>
          <dt>Subject</dt>
          <dd>
            <strong>{rendered?.subject || "–"}</strong>
          </dd>
        </dl>
        {error ? (
          <Box p="md" mih={160} role="status">
            {sentence(error)}
          </Box>
        ) : isHtml ? (
          <HtmlFrame key={request} request={request} />
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
          <pre className={classes.text} tabIndex={0}>
            {rendered?.text}
          </pre>
        )}
      </article>
    </Stack>
  );
}

/**
 * The HTML in a frame that can do nothing, under a policy of its own: a page of ours would not show the styles that an
 * email has in it. What is to be filled in is too long for an address, hence a form; hence, too, a new frame each time,
 * or the browser's "back" would lead through all of them.
 */
function HtmlFrame({ request }: { request: string }) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.submit(), []);
  return (
    <>
      <form
        ref={form}
        method="post"
        action="/api/campaigns/render/html"
        encType="multipart/form-data"
        target={FRAME}
        hidden
      >
        <input type="hidden" name="request" value={request} />
      </form>
      <iframe name={FRAME} sandbox="" className={classes.frame} title="Rich text of the email" />
    </>
  );
}
