import { ActionIcon, Box, Button, Group, Select, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { sentence } from "@/api/problem";
import type { Sender } from "@/features/senders/queries";
import { MessageBody } from "@/ui/MessageBody";
import { count } from "@/ui/numbers";
import classes from "../compose.module.css";
import type { Rendered } from "../queries";
import type { Recipients } from "../recipients/useRecipients";
import { nextBlank } from "./blanks";
import { HtmlFrame } from "./HtmlFrame";

interface Props {
  sender: Sender | undefined;
  recipients: Pick<Recipients, "sample" | "count">;
  at: number;
  onGo: (at: number) => void;
  rendered: Rendered | undefined;
  error: unknown;
  /** The request that `rendered` answers. */
  request: string | undefined;
  rich: boolean;
  /** Merge fields of the text. */
  fields: readonly string[];
}

/** The email as one recipient will read it. */
export function PreviewPane({ sender, recipients, at, onGo, rendered, error, request, rich, fields }: Props) {
  const { sample } = recipients;
  const blank = nextBlank(sample, at, fields);
  const recipient = sample[at];
  return (
    <MessageBody
      label="Preview"
      beside={
        recipient ? (
          <Group gap={4} wrap="wrap">
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
            <Select
              size="xs"
              w={170}
              ml={4}
              aria-label="Find a recipient to preview"
              placeholder="Find a recipient"
              searchable
              limit={50}
              data={sample.map(({ email }, number) => ({ value: `${number}`, label: email }))}
              nothingFoundMessage={
                recipients.count > sample.length ? `Not among the first ${count(sample.length)}` : "Nobody"
              }
              value={null}
              onChange={(number) => number !== null && onGo(Number(number))}
            />
            {blank !== null && (
              <Button size="compact-sm" variant="subtle" ml={-8} onClick={() => onGo(blank)}>
                Next with a blank
              </Button>
            )}
          </Group>
        ) : (
          <Text size="sm" c="dimmed">
            Add recipients to see what each of them gets.
          </Text>
        )
      }
      head={
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
      }
      html={rich && request ? <HtmlFrame key={request} request={request} /> : null}
      text={rendered?.text}
      instead={
        error ? (
          <Box p="md" mih={160} role="status">
            {sentence(error)}
          </Box>
        ) : undefined
      }
    />
  );
}
