/** Commands of the administrator about accounts and who may make one; and about what the sandbox mailbox received. */

import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { counted } from "@/ui/numbers";

type Schemas = components["schemas"];
export type Account = Schemas["Account"];

/** `email` "": for whoever has the link. */
export const invite = ({ email }: { email: string }) =>
  answer(api.POST("/api/admin/invitations", { body: { email: email.trim() || null } }));

export const revocationOf = ({ id }: Schemas["Invitation"]) => ({
  run: () => answer(api.DELETE("/api/admin/invitations/{id}", { params: { path: { id } } })),
  changes: [keys.invitations()],
});

const of = ({ id }: Account) => ({ params: { path: { id } } });

/** Asked for with whether its campaigns are to be paused. */
export function useDisable(account: Account) {
  return useCommand({
    run: (pauseCampaigns: boolean) =>
      answer(api.POST("/api/admin/users/{id}/disable", { ...of(account), body: { pauseCampaigns } })),
    changes: [keys.users.all()],
    said: ({ campaignsPaused }) =>
      `${account.email} is disabled.${campaignsPaused ? ` Paused: ${counted(campaignsPaused, "campaign")}.` : ""}`,
    failed: `${account.email} is not disabled`,
  });
}

export function useEnable(account: Account) {
  return useCommand({
    run: () => answer(api.POST("/api/admin/users/{id}/enable", of(account))),
    changes: [keys.users.all()],
    said: ({ email }) => `${email} may log in again.`,
    failed: `${account.email} is still disabled`,
  });
}

export function useEndSessions(account: Account) {
  return useCommand({
    run: () => answer(api.POST("/api/admin/users/{id}/end-sessions", of(account))),
    changes: [keys.users.all()],
    said: ({ email }) => `${email} is logged out everywhere.`,
    failed: `${account.email} is still logged in`,
  });
}

/** Made after a question, since whoever has the link gets in. */
export function useResetLink(account: Account, made: (token: string) => void) {
  const { run, pending } = useCommand({
    run: () => answer(api.POST("/api/admin/users/{id}/reset-link", of(account))),
    changes: [keys.users.all()],
    done: ({ token }) => made(token),
    failed: `There is no link for ${account.email}`,
  });
  const make = async () => {
    const sure = await confirm({
      title: `A link to a new password for ${account.email}?`,
      children:
        "Whoever has the link sets the password, once, within an hour. The account is then logged out everywhere, and its API keys and open invitations end. The log says that you made it.",
      confirm: "Make the link",
    });
    if (sure) await run();
  };
  return { make, pending };
}

/** Asked for with who gets the workspaces that it alone owns; null: they are deleted. */
export function useRemove(account: Account) {
  return useCommand({
    run: (heirId: number | null) =>
      answer(api.POST("/api/admin/users/{id}/remove", { ...of(account), body: { heirId } })),
    changes: [keys.users.all(), keys.workspaces()],
    said: () => `${account.email} is removed.`,
    failed: `${account.email} is not removed`,
  });
}

export function useRevokeKeys(account: Account) {
  const { run, pending } = useCommand({
    run: () => answer(api.POST("/api/admin/users/{id}/revoke-keys", of(account))),
    changes: [keys.users.all()],
    said: ({ email }) => `No API key of ${email} works any more.`,
    failed: `The API keys of ${account.email} still work`,
  });
  const revoke = async () => {
    const sure = await confirm({
      title: `Revoke the API keys of ${account.email}?`,
      children: "Programs that use them are refused from now on, in every workspace. That cannot be undone.",
      confirm: "Revoke the keys",
    });
    if (sure) await run();
  };
  return { revoke, pending };
}

/** Asked for after a question; `last` is the newest message that goes. */
export function useRemoveMessages(last: number, done: () => unknown) {
  const { run, pending } = useCommand({
    run: () => answer(api.DELETE("/api/sandbox/messages", { params: { query: { last } } })),
    changes: [keys.sandbox.all()],
    said: () => "The sandbox mailbox is empty.",
    done,
  });
  const ask = async () => {
    const sure = await confirm({
      title: "Remove all messages from the sandbox mailbox?",
      children:
        "They are gone for everybody in the workspace. Campaigns, their emails and figures stay as they are.",
      confirm: "Remove all",
    });
    if (sure) await run();
  };
  return { ask, pending };
}
