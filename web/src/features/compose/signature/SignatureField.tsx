import { Button, Drawer, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { sentence } from "@/api/problem";
import { htmlOf, textOf } from "@/features/richText/richText";
import { BeginAnew } from "@/forms/BeginAnew";
import { FormFailure } from "@/forms/FormFailure";
import { useCommand } from "@/forms/useCommand";
import { useUnsaved } from "@/forms/useUnsaved";
import { lazyPart } from "@/ui/lazyPart";
import { Part } from "@/ui/Part";
import { putSignature } from "./commands";
import { type Signature, signatureQuery } from "./queries";

const RichBody = lazyPart(() => import("@/features/richText/RichBody"), "RichBody");

/** The signature of a sender's messages, and where to change it. `email` tells several senders apart. */
export function SignatureField({ senderId, email }: { senderId: number; email: string | null }) {
  const { data, refetch } = useQuery(signatureQuery(senderId));
  const [isOpen, setOpen] = useState(false);
  const unsaved = useRef(false);
  const leave = useUnsaved(() => unsaved.current);
  const close = () => {
    unsaved.current = false;
    setOpen(false);
  };
  const [times, setTimes] = useState(0); // that the editor began: what is written is not taken away by a newer one
  const beginAnew = async () => {
    await refetch();
    unsaved.current = false;
    setTimes(times + 1);
  };
  if (!data) return null;
  return (
    <Group gap="xs" mt="xs" wrap="nowrap" justify="space-between">
      <Text id={`signature-${senderId}`} size="sm" c="dimmed" truncate>
        {email && `${email}: `}
        {data.text ? `Signature: ${data.text.replace(/\s+/g, " ")}` : "No signature"}
      </Text>
      <Button
        variant="subtle"
        size="compact-sm"
        onClick={() => setOpen(true)}
        aria-describedby={email ? `signature-${senderId}` : undefined}
      >
        {data.text ? "Change the signature" : "Add a signature"}
      </Button>
      <Drawer
        opened={isOpen}
        onClose={() => void leave(close)}
        position="right"
        size={520}
        title={
          <Text fw={620} size="lg" component="span">
            Signature
          </Text>
        }
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Editor
          key={times}
          senderId={senderId}
          signature={data}
          done={close}
          cancel={() => void leave(close)}
          onChange={() => {
            unsaved.current = true;
          }}
          beginAnew={beginAnew}
        />
      </Drawer>
    </Group>
  );
}

interface Edited {
  senderId: number;
  signature: Signature;
  done: () => void;
  cancel: () => void;
  onChange: () => void;
  beginAnew: () => Promise<void>;
}

function Editor({ senderId, signature, done, cancel, onChange, beginAnew }: Edited) {
  const queries = useQueryClient();
  const [{ textsVersion }] = useState(signature); // somebody else may save another while this is written
  const [html, setHtml] = useState(
    () => signature.html ?? (signature.text === "" ? "" : htmlOf(signature.text)),
  );
  const insert = useRef<((text: string) => void) | null>(null);
  const saving = useCommand({
    run: () => {
      const written = html ? { text: textOf(html), html } : { text: "", html: null };
      return putSignature(senderId, { ...written, textsVersion });
    },
    changes: [keys.signature(senderId), keys.draft.all()],
    done: (kept) => {
      const { queryKey } = signatureQuery(senderId);
      void queries.cancelQueries({ queryKey }); // what is being read may be of before
      queries.setQueryData(queryKey, kept);
      done();
    },
    said: () => "The signature is kept.",
    failed: () => undefined, // it is said here
  });
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        Every message from this sender ends with it, as text where that is plain. Campaigns that are scheduled
        already keep theirs.
      </Text>
      <Part waiting={<Skeleton height={240} aria-label="Loading the editor" />}>
        <RichBody
          label="Signature"
          html={html}
          onChange={(written) => {
            setHtml(written);
            onChange();
          }}
          onFocus={() => undefined}
          insert={insert}
          pictures
          most={LIMITS.SignatureBody.html.maxLength}
          error={undefined}
        />
      </Part>
      <FormFailure text={saving.error ? sentence(saving.error) : null} />
      <BeginAnew error={saving.error} begin={beginAnew} />
      <Group justify="flex-end">
        <Button variant="default" onClick={cancel}>
          Cancel
        </Button>
        <Button loading={saving.pending} onClick={() => void saving.run()}>
          Keep the signature
        </Button>
      </Group>
    </Stack>
  );
}
