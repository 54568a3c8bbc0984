import { Badge, Button, Group, Stack, TextInput } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { InvitationMade } from "@/features/workspaces/InvitationMade";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { Time } from "@/time/Time";
import { useNow } from "@/time/useNow";
import { Listing } from "@/ui/Listing";
import { LoadMore } from "@/ui/LoadMore";
import { Panel, Row, Rows } from "@/ui/Panel";
import { invite, useRevokeInvitation } from "../commands";
import { invitationsQuery } from "../queries";

type Invitation = components["schemas"]["Invitation"];

export function InvitationsPanel() {
  const query = useInfiniteQuery(invitationsQuery());
  const [made, setMade] = useState<Invitation | null>(null);
  return (
    <Panel
      title="Invitations"
      description="A link lets one person make an account, also where registration is closed. It is good for a week."
      rows={
        query.data?.pages[0]?.items.length !== 0 && (
          <Listing query={query}>
            {({ pages }) => {
              const invitations = pages.flatMap((page) => page.items);
              return (
                <>
                  <Rows label="Invitations">
                    {invitations.map((invitation) => (
                      <InvitationRow key={invitation.id} invitation={invitation} />
                    ))}
                  </Rows>
                  <LoadMore query={query} shown={invitations.length} noun="invitation" />
                </>
              );
            }}
          </Listing>
        )
      }
    >
      {made ? (
        <InvitationMade
          email={made.email}
          path={`/register?${new URLSearchParams({ invitation: made.token ?? "" })}`}
          done={() => setMade(null)}
        />
      ) : (
        <InvitationForm done={setMade} />
      )}
    </Panel>
  );
}

function InvitationForm({ done }: { done: (invitation: Invitation) => void }) {
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { email: "" },
    send: invite,
    changes: [keys.invitations()],
    done,
  });
  return (
    <form onSubmit={submit} noValidate>
      <Stack maw={420}>
        <FormFailure text={failure} />
        <TextInput
          label="For this address alone"
          description="Leave it empty for a link that whoever has it may use."
          type="email"
          autoComplete="off"
          key={form.key("email")}
          {...form.getInputProps("email")}
        />
        <Button type="submit" loading={pending} style={{ alignSelf: "flex-start" }}>
          Make a link
        </Button>
      </Stack>
    </form>
  );
}

function InvitationRow({ invitation }: { invitation: Invitation }) {
  const now = useNow();
  const { revoke, pending } = useRevokeInvitation(invitation);
  const whose = invitation.email ?? "Whoever has the link";
  const expired = Date.parse(invitation.expiresAt) <= now;
  return (
    <Row
      title={
        <Group gap="xs">
          <span>{whose}</span>
          {invitation.usedAt ? <Badge>Used</Badge> : expired && <Badge color="gray">Expired</Badge>}
        </Group>
      }
      facts={
        invitation.usedAt ? (
          <span>
            Used <Time value={invitation.usedAt} />
          </span>
        ) : (
          <span>
            {expired ? "Expired" : "Expires"} <Time value={invitation.expiresAt} />
          </span>
        )
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
