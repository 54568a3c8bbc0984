import { Button, Stack } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { AddressField, InvitationRow, MadeInvitation } from "@/features/workspaces/InvitationParts";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { Listing } from "@/ui/Listing";
import { LoadMore } from "@/ui/LoadMore";
import { Panel, Rows } from "@/ui/Panel";
import { invite, revocationOf } from "../commands";
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
                      <InvitationRow
                        key={invitation.id}
                        invitation={invitation}
                        revocation={revocationOf(invitation)}
                      />
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
        <MadeInvitation
          email={made.email}
          path={`/register?${new URLSearchParams({ invitation: made.token ?? "", ...(made.email && { email: made.email }) })}`}
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
        <AddressField key={form.key("email")} {...form.getInputProps("email")} />
        <Button type="submit" loading={pending} style={{ alignSelf: "flex-start" }}>
          Make a link
        </Button>
      </Stack>
    </form>
  );
}
