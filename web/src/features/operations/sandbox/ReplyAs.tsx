import { Button, Group, Stack, Text, Textarea } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { type FormEvent, useId, useState } from "react";
import { AnchorLink } from "@/ui/links";
import type { SandboxMessage } from "../queries";
import { replyInSandbox, type SandboxReplied, useSandboxReply } from "./commands";

const USUAL = "Thank you, that is interesting. Let us talk.";

/** Answers a message as whoever got it: a campaign that follows up is seen to stop for them. */
export function ReplyAs({ message }: { message: SandboxMessage }) {
  const [isOpen, setOpen] = useState(false);
  const [text, setText] = useState(USUAL);
  const [replied, setReplied] = useState<SandboxReplied | null>(null);
  const recipient = message.envelopeTo[0] ?? "this recipient";
  const field = useId();
  const reply = useSandboxReply(
    () => replyInSandbox(message.id, text),
    recipient,
    (told) => {
      setReplied(told);
      setOpen(false);
    },
  );
  const send = (event: FormEvent) => {
    event.preventDefault();
    void reply.run();
  };
  if (!isOpen) {
    return (
      <Group gap="xs" mt="xs">
        <Button
          variant="default"
          size="xs"
          leftSection={<IconArrowBackUp size={15} aria-hidden />}
          onClick={() => setOpen(true)}
        >
          Reply as this recipient
        </Button>
        <Text size="sm" role="status">
          {replied && (
            <>
              {SAID[replied.kind] ?? "Recorded."}{" "}
              <AnchorLink to="/campaigns/$id" params={{ id: replied.campaignId }} underline="always">
                See the campaign
              </AnchorLink>
            </>
          )}
        </Text>
      </Group>
    );
  }
  return (
    <form onSubmit={send}>
      <Stack gap="xs" mt="xs">
        <Textarea
          id={field}
          label={`What ${recipient} answers`}
          description="It is recorded as if it had come by mail; “stop” alone opts out."
          autosize
          minRows={2}
          maxRows={8}
          value={text}
          data-autofocus
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Group gap="xs">
          <Button type="submit" size="xs" loading={reply.pending} disabled={!text.trim()}>
            Send the reply
          </Button>
          <Button variant="subtle" size="xs" color="gray" onClick={() => setOpen(false)}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

const SAID: Readonly<Record<string, string>> = {
  REPLY: "Answered: the campaign writes no more to them.",
  UNSUBSCRIBE: "Opted out: nothing more is sent to them.",
  AUTO_REPLY: "Taken for an automatic answer.",
};
