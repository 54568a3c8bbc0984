/** What the administrator does about who may make an account. */

import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";

/** `email` "": for whoever has the link. */
export const invite = ({ email }: { email: string }) =>
  answer(api.POST("/api/admin/invitations", { body: { email: email.trim() || null } }));

export const revocationOf = ({ id }: components["schemas"]["Invitation"]) => ({
  run: () => answer(api.DELETE("/api/admin/invitations/{id}", { params: { path: { id } } })),
  changes: [keys.invitations()],
});
