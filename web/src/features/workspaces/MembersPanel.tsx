import { Badge, Button, Group, NativeSelect, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { meQuery } from "@/features/accounts/queries";
import { Time } from "@/time/Time";
import { Listing } from "@/ui/Listing";
import { Panel, Row, Rows } from "@/ui/Panel";
import { BouncePanel } from "./BouncePanel";
import { useChangeRole, useLeave, useRemoveMember } from "./commands";
import { DeleteWorkspacePanel } from "./DeleteWorkspacePanel";
import { InvitationsPanel } from "./InvitationsPanel";
import { PrivacyPanel } from "./PrivacyPanel";
import { type Member, membersQuery } from "./queries";
import { useMay } from "./useMay";
import { NewWorkspacePanel, PostalAddressPanel, WorkspacePanel } from "./WorkspacePanel";
import { ROLES, type Role, roleWords } from "./words";

/** The members of the workspace and their roles; its owners change those, let others in and name it. */
export function MembersPanel() {
  const isOwner = useMay("owner");
  const query = useQuery(membersQuery());
  return (
    <Stack>
      <Listing query={query}>
        {(members) => (
          <Panel
            title="Members"
            description="Who is in this workspace, and what they may do."
            rows={
              <Rows label="Members">
                {members.map((member) => (
                  <MemberRow
                    key={member.id}
                    member={member}
                    isOwner={isOwner}
                    isLastOwner={
                      member.role === "owner" && members.filter(({ role }) => role === "owner").length === 1
                    }
                  />
                ))}
              </Rows>
            }
          />
        )}
      </Listing>
      {isOwner && <InvitationsPanel />}
      {isOwner && <WorkspacePanel />}
      {isOwner && <PrivacyPanel />}
      {isOwner && <BouncePanel />}
      {isOwner && <PostalAddressPanel />}
      <NewWorkspacePanel />
      {isOwner && <DeleteWorkspacePanel />}
    </Stack>
  );
}

interface Props {
  member: Member;
  /** Whether the person who reads the list owns the workspace. */
  isOwner: boolean;
  isLastOwner: boolean;
}

function MemberRow({ member, isOwner, isLastOwner }: Props) {
  const { data: me } = useQuery(meQuery);
  const { change, ...changing } = useChangeRole(member);
  const { remove, pending } = useRemoveMember(member);
  const isMe = member.id === me?.id;
  return (
    <Row
      title={
        <Group gap="xs">
          <span style={{ overflowWrap: "anywhere" }}>{member.email}</span>
          {isMe && <Badge>You</Badge>}
        </Group>
      }
      facts={
        <>
          {!(isOwner && !isLastOwner) && <span>{roleWords(member.role)}</span>}
          <span>
            Since <Time value={member.createdAt} />
          </span>
        </>
      }
      actions={
        <Group gap={6}>
          {isOwner && !isLastOwner && (
            <NativeSelect
              size="xs"
              aria-label={`Role of ${member.email}`}
              data={ROLES.map(({ value, label }) => ({ value, label }))}
              value={changing.input ?? member.role}
              disabled={changing.pending}
              onChange={(event) => void change(event.currentTarget.value as Role)}
            />
          )}
          {isMe
            ? !isLastOwner && <Leave member={member} workspace={me.workspaceName} />
            : isOwner && (
                <Button
                  size="xs"
                  variant="default"
                  loading={pending}
                  onClick={remove}
                  aria-label={`Remove ${member.email}`}
                >
                  Remove
                </Button>
              )}
        </Group>
      }
    />
  );
}

function Leave({ member, workspace }: { member: Member; workspace: string }) {
  const { leave, pending } = useLeave(member, workspace);
  return (
    <Button size="xs" variant="default" loading={pending} onClick={leave}>
      Leave
    </Button>
  );
}
