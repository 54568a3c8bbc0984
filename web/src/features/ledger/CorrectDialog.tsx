import { Alert, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useUnsaved } from "@/forms/useUnsaved";
import { FocusBack } from "@/ui/FocusBack";
import { counted } from "@/ui/numbers";
import { useCorrections } from "./commands";

interface Props {
  emails: readonly { id: number; recipient: string }[];
  close: () => void;
}

/** Addresses that were wrong, put right: the email goes to each that was changed, the one that failed stays as it was. */
export function CorrectDialog({ emails, close }: Props) {
  const [typed, setTyped] = useState<Readonly<Record<number, string>>>({});
  const [refused, setRefused] = useState<Readonly<Record<number, string>>>({});
  const [gone, setGone] = useState<ReadonlySet<number>>(new Set());
  const { run, pending } = useCorrections(({ refused }, sent) => {
    const reasons = Object.fromEntries(refused.map(({ id, reason }) => [id, reason]));
    setRefused(reasons);
    setGone(new Set([...gone, ...sent.map(({ id }) => id).filter((id) => !(id in reasons))]));
    if (refused.length === 0) close();
  });
  const left = emails.filter(({ id }) => !gone.has(id));
  const corrections = left.flatMap(({ id, recipient }) => {
    const email = (typed[id] ?? recipient).trim();
    return email && email !== recipient ? [{ id, email }] : [];
  });
  const leave = useUnsaved(() => corrections.length > 0);
  return (
    <Modal
      opened
      onClose={() => void leave(close)}
      title={emails.length === 1 ? "Correct the address" : "Correct addresses"}
      size="lg"
    >
      <FocusBack />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void run(corrections);
        }}
      >
        <Stack gap="sm">
          <Text size="sm">
            The email goes to the corrected address now. The one that failed stays as it was, with its
            attempts.
          </Text>
          {left.map(({ id, recipient }) => (
            <TextInput
              key={id}
              label={recipient}
              type="email"
              value={typed[id] ?? recipient}
              error={refused[id]}
              onChange={(event) => setTyped({ ...typed, [id]: event.currentTarget.value })}
            />
          ))}
          {Object.keys(refused).length > 0 && (
            <Alert color="orange">Those that are marked did not go. All others that you corrected did.</Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => void leave(close)}>
              Keep them as they are
            </Button>
            <Button type="submit" disabled={corrections.length === 0} loading={pending}>
              Send to {counted(corrections.length, "corrected address", "corrected addresses")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
