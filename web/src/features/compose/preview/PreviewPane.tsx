import { ActionIcon, Box, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import { sentence } from "@/api/problem";
import type { Sender } from "@/features/senders/queries";
import message from "@/ui/message.module.css";
import { count } from "@/ui/numbers";
import classes from "../compose.module.css";
import type { Rendered } from "../queries";
import type { Recipients } from "../recipients/useRecipients";
import { HtmlFrame } from "./HtmlFrame";

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
      <article className={message.message} aria-label="Preview">
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
          <pre className={message.text} tabIndex={0}>
            {rendered?.text}
          </pre>
        )}
      </article>
    </Stack>
  );
}
