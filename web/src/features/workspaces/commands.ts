/** Commands on workspaces: make and name one, change its members, invite, leave. */

import type { QueryKey } from "@tanstack/react-query";
import { answer, api, inNameOf } from "@/api/client";
import { keys } from "@/api/keys";
import { ApiProblem } from "@/api/problem";
import { session } from "@/api/session";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import type { Member, WorkspaceInvitation } from "./queries";
import { useEnterWorkspace } from "./useEnterWorkspace";
import { select } from "./useSelectWorkspace";
import { covers, type Role, roleWords } from "./words";

/**
 * The session's person and workspace, after this page's workspace is gone from them; null where that is not answered:
 * what has been done is done.
 */
const whoNow = () => answer(api.GET("/api/auth/me", { headers: inNameOf(null) })).catch(() => null);

export const makeWorkspace = (name: string) => answer(api.POST("/api/workspaces", { body: { name } }));

export const enterMade = async ({ id, name }: { id: number; name: string }) => {
  try {
    return await select(id);
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    const { status, title, detail } = error;
    throw new ApiProblem(status, title, `${name} is made, and you are not in it yet: ${detail}`);
  }
};

export const renameWorkspace = ({ name }: { name: string }) => {
  const id = session.get().user?.workspaceId ?? 0;
  return answer(api.PATCH("/api/workspaces/{id}", { params: { path: { id } }, body: { name } }));
};

/** In percent; null: campaigns do not pause themselves for bounces. */
export const setBounceLimit = (bounceLimit: number | null) => {
  const id = session.get().user?.workspaceId ?? 0;
  return answer(api.PATCH("/api/workspaces/{id}", { params: { path: { id } }, body: { bounceLimit } }));
};

/** The least role that reads what came back. */
export const setResponsesFor = (responsesFor: Role) => {
  const id = session.get().user?.workspaceId ?? 0;
  return answer(api.PATCH("/api/workspaces/{id}", { params: { path: { id } }, body: { responsesFor } }));
};

/** `postalAddress` "": none. */
export const changePostalAddress = ({ postalAddress }: { postalAddress: string }) => {
  const id = session.get().user?.workspaceId ?? 0;
  const body = { postalAddress: postalAddress.trim() || null };
  return answer(api.PATCH("/api/workspaces/{id}", { params: { path: { id } }, body }));
};

/** Resolves to who one is then, in another workspace; null: that is not known. */
export const deleteWorkspace = async () => {
  const id = session.get().user?.workspaceId ?? 0;
  await answer(api.DELETE("/api/workspaces/{id}", { params: { path: { id } } }));
  return await whoNow();
};

/** `email` "": for whoever has the link. */
export const inviteMember = ({ role, email }: { role: Role; email: string }) =>
  answer(api.POST("/api/members/invitations", { body: { role, email: email.trim() || null } }));

export const acceptInvitation = (token: string) =>
  answer(api.POST("/api/members/invitations/accept", { body: { token } }));

export function useChangeRole({ id, email, role: before }: Member) {
  const isMe = id === session.get().user?.id;
  const { run, pending, input } = useCommand({
    run: (role: Role) => answer(api.PATCH("/api/members/{id}", { params: { path: { id } }, body: { role } })),
    changes: isMe ? [keys.members.list(), keys.me] : [keys.members.list()],
    said: ({ role }) => `${email} is ${role === "owner" ? "an" : "a"} ${roleWords(role).toLowerCase()} now.`,
    failed: "The role is as it was",
  });
  /** What somebody takes from themselves, they cannot give themselves again. */
  const change = async (role: Role) => {
    const sure =
      !isMe ||
      covers(role, before) ||
      (await confirm({
        title: "Give away your ownership?",
        children:
          "You change neither members nor keys of this workspace any more, until another owner lets you again.",
        confirm: `Become a ${roleWords(role).toLowerCase()}`,
        cancel: "Stay an owner",
      }));
    if (sure) await run(role);
  };
  return { change, pending, input };
}

export function useRemoveMember({ id, email }: Member) {
  const { run, pending } = useCommand({
    run: () => answer(api.DELETE("/api/members/{id}", { params: { path: { id } } })),
    changes: [keys.members.list()],
    said: () => `${email} is no member any more.`,
    failed: `${email} is still a member`,
  });
  const remove = async () => {
    const sure = await confirm({
      title: `Remove ${email}?`,
      children: "They see nothing of this workspace any more. What they have scheduled goes on.",
      confirm: "Remove the member",
    });
    if (sure) await run();
  };
  return { remove, pending };
}

export function useLeave({ id }: Member, workspace: string) {
  const enter = useEnterWorkspace();
  const { run, pending } = useCommand({
    run: async () => {
      await answer(api.DELETE("/api/members/{id}", { params: { path: { id } } }));
      return await whoNow();
    },
    done: enter,
    said: () => `You have left ${workspace}.`,
    failed: `You are still in ${workspace}`,
  });
  const leave = async () => {
    const sure = await confirm({
      title: `Leave ${workspace}?`,
      children: "You see nothing of it any more, until somebody invites you again.",
      confirm: "Leave",
      cancel: "Stay",
    });
    if (sure) await run();
  };
  return { leave, pending };
}

/** Of an invitation into the workspace. */
export const revocationOf = ({ id }: WorkspaceInvitation) => ({
  run: () => answer(api.DELETE("/api/members/invitations/{id}", { params: { path: { id } } })),
  changes: [keys.members.invitations()],
});

interface Revocation {
  run: () => Promise<unknown>;
  changes: readonly QueryKey[];
}

/** Takes an invitation back, into whatever it leads. */
export function useRevoke({ email }: { email: string | null }, revocation: Revocation) {
  const { run, pending } = useCommand(revocation);
  const revoke = async () => {
    const sure = await confirm({
      title: "Take the invitation back?",
      children: `The link for ${email ?? "whoever has it"} opens nothing any more.`,
      confirm: "Take it back",
    });
    if (sure) await run();
  };
  return { revoke, pending };
}
