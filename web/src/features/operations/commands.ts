/** What the administrator does about who may make an account. */

import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";

/** `email` "": for whoever has the link. */
export const invite = ({ email }: { email: string }) =>
  answer(api.POST("/api/admin/invitations", { body: { email: email.trim() || null } }));

export function useRevokeInvitation({ id, email }: components["schemas"]["Invitation"]) {
  const { run, pending } = useCommand({
    run: () => answer(api.DELETE("/api/admin/invitations/{id}", { params: { path: { id } } })),
    changes: [keys.invitations()],
  });
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
