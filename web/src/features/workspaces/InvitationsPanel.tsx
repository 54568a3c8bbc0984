import { Button, NativeSelect, SimpleGrid, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { useNow } from "@/time/useNow";
import { Listing } from "@/ui/Listing";
import { Panel, Rows } from "@/ui/Panel";
import { inviteMember, revocationOf } from "./commands";
import { AddressField, InvitationRow, MadeInvitation } from "./InvitationParts";
import { type WorkspaceInvitation, workspaceInvitationsQuery } from "./queries";
import { ROLES, type Role, roleWords } from "./words";

/** For owners: a link lets one person in; those that are open can be taken back. */
export function InvitationsPanel() {
  const query = useQuery(workspaceInvitationsQuery());
  const now = useNow();
  const [made, setMade] = useState<WorkspaceInvitation | null>(null);
  const isOpen = ({ usedAt, expiresAt }: WorkspaceInvitation) =>
    usedAt === null && Date.parse(expiresAt) > now;
  return (
    <Panel
      title="Invite somebody"
      description="A link lets one person into this workspace, with an account or without one yet. It is good for a week."
      rows={
        query.data?.some(isOpen) !== false && (
          <Listing query={query}>
            {(invitations) => (
              <Rows label="Open invitations">
                {invitations.filter(isOpen).map((invitation) => (
                  <InvitationRow
                    key={invitation.id}
                    invitation={invitation}
                    facts={<span>{roleWords(invitation.role)}</span>}
                    revocation={revocationOf(invitation)}
                  />
                ))}
              </Rows>
            )}
          </Listing>
        )
      }
    >
      {made ? (
        <MadeInvitation
          email={made.email}
          path={`/join?${new URLSearchParams({ token: made.token ?? "" })}`}
          done={() => setMade(null)}
        />
      ) : (
        <InvitationForm done={setMade} />
      )}
    </Panel>
  );
}

function InvitationForm({ done }: { done: (invitation: WorkspaceInvitation) => void }) {
  const [role, setRole] = useState<Role>("member");
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { email: "" },
    send: ({ email }) => inviteMember({ role, email }),
    changes: [keys.members.invitations()],
    done,
  });
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <NativeSelect
            label="Role"
            description={ROLES.find(({ value }) => value === role)?.description}
            data={ROLES.map(({ value, label }) => ({ value, label }))}
            value={role}
            onChange={(event) => setRole(event.currentTarget.value as Role)}
          />
          <AddressField key={form.key("email")} {...form.getInputProps("email")} />
        </SimpleGrid>
        <Button type="submit" loading={pending} style={{ alignSelf: "flex-start" }}>
          Make a link
        </Button>
      </Stack>
    </form>
  );
}
