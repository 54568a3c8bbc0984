import { Alert, Anchor, Button, Group, Loader, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconInfoCircle } from "@tabler/icons-react";
import { ConnectButton } from "./ConnectButton";
import { SECURITIES } from "./providers";
import type { Discovered } from "./queries";

interface Props {
  found: Discovered;
  /** The form's fields have them. */
  taken: boolean;
  take: () => void;
}

/** The servers found for a mailbox's address, and how one logs in there. */
export function FoundServers({ found, taken, take }: Props) {
  const { smtp, label, email, confirmed, doubt, password, oauth } = found;
  const where = label ?? email.slice(email.lastIndexOf("@") + 1);
  if (!smtp) {
    return (
      <Text size="sm" c="dimmed">
        Nothing tells where the servers of {email} are. Its provider’s help does; enter them below.
      </Text>
    );
  }
  const server = `${smtp.host}, port ${smtp.port}, ${SECURITIES.find(({ value }) => value === smtp.security)?.label}`;
  return (
    <Alert
      color={confirmed ? "petrol" : "orange"}
      icon={confirmed ? <IconInfoCircle aria-hidden /> : <IconAlertTriangle aria-hidden />}
      title={confirmed ? `${email} is at ${where}` : "Is this its server?"}
    >
      <Stack gap="xs">
        <Text size="sm">
          {server}
          {taken && confirmed && ", filled in below"}.
          {!confirmed && ` A password that you enter goes there, and ${doubt}.`}
        </Text>
        <Text size="sm">
          {password.kind === "none" ? "It takes" : "Its password is"} {password.text}.{" "}
          {password.where && (
            <Anchor href={password.where} target="_blank" rel="noreferrer" inherit>
              Make one
            </Anchor>
          )}
          {password.kind === "none" &&
            !oauth &&
            "Connecting there is not set up on this installation; whoever runs it can do that."}
        </Text>
        <Group gap="xs">
          {oauth && <ConnectButton provider={oauth} size="sm" />}
          {!taken && (
            <Button size="sm" variant="default" onClick={take}>
              Use this server
            </Button>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}

export function Looking() {
  return (
    <Group gap="xs" role="status">
      <Loader size={14} aria-hidden />
      <Text size="sm" c="dimmed">
        Looking for its servers. Enter them yourself if you know them.
      </Text>
    </Group>
  );
}
