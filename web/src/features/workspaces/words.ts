/** Roles in words, and which of them may do what another may. */

import type { User } from "@/api/session";

export type Role = User["role"];

/** From the one that may do least. */
export const ROLES: ReadonlyArray<{ value: Role; label: string; description: string }> = [
  { value: "viewer", label: "Viewer", description: "Sees everything that is sent, and changes nothing." },
  {
    value: "member",
    label: "Member",
    description: "Also writes and sends campaigns, and keeps the senders.",
  },
  {
    value: "owner",
    label: "Owner",
    description: "Also keeps members, API keys, webhooks and people’s data.",
  },
];

const rank = (role: Role) => ROLES.findIndex(({ value }) => value === role);

/** Whether whoever has `role` may do what takes `needed`, as app/domain/workspaces/roles.py has it. */
export const covers = (role: Role, needed: Role) => rank(role) >= rank(needed);

export const roleWords = (role: Role) => ROLES.find(({ value }) => value === role)?.label ?? role;
