/** Parts that invitations have in common, into a workspace and to the installation. */

import { Alert, Badge, Button, Group, Stack, TextInput, type TextInputProps } from "@mantine/core";
import { IconMailShare } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Time } from "@/time/Time";
import { useNow } from "@/time/useNow";
import { CopyField } from "@/ui/CopyField";
import { Row } from "@/ui/Panel";
import { useRevoke } from "./commands";

/** `email` null: for whoever has the link. */
export interface Invitation {
  email: string | null;
  expiresAt: string;
  usedAt: string | null;
}

export function AddressField(input: TextInputProps) {
  return (
    <TextInput
      label="For this address alone"
      description="Leave it empty for a link that whoever has it may use."
      type="email"
      autoComplete="off"
      {...input}
    />
  );
}

/** `path`: where the link leads, with the token. */
export function MadeInvitation({
  email,
  path,
  done,
}: {
  email: string | null;
  path: string;
  done: () => void;
}) {
  return (
    <Stack>
      <Alert color="petrol" icon={<IconMailShare aria-hidden />} role="status" title="The invitation is made">
        Copy the link and hand it over yourself: nothing is mailed. It is shown this once.
      </Alert>
      <CopyField label={email ? `Link for ${email}` : "Link"} value={location.origin + path} />
      <Button variant="default" onClick={done} style={{ alignSelf: "flex-start" }}>
        I have copied it
      </Button>
    </Stack>
  );
}

interface RowProps {
  invitation: Invitation;
  facts?: ReactNode;
  revocation: Parameters<typeof useRevoke>[1];
}

export function InvitationRow({ invitation, facts, revocation }: RowProps) {
  const now = useNow();
  const { revoke, pending } = useRevoke(invitation, revocation);
  const whose = invitation.email ?? "Whoever has the link";
  const expired = Date.parse(invitation.expiresAt) <= now;
  return (
    <Row
      title={
        <Group gap="xs">
          <span style={{ overflowWrap: "anywhere" }}>{whose}</span>
          {invitation.usedAt ? <Badge>Used</Badge> : expired && <Badge color="gray">Expired</Badge>}
        </Group>
      }
      facts={
        <>
          {facts}
          <span>
            {invitation.usedAt ? "Used" : expired ? "Expired" : "Expires"}{" "}
            <Time value={invitation.usedAt ?? invitation.expiresAt} />
          </span>
        </>
      }
      actions={
        invitation.usedAt === null && (
          <Button
            size="xs"
            variant="default"
            loading={pending}
            onClick={revoke}
            aria-label={`Take back: ${whose}`}
          >
            Take back
          </Button>
        )
      }
    />
  );
}
