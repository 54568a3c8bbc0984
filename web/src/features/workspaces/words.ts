/** Roles in words, and which of them may do what another may. */

import { VALUES } from "@/api/constants";
import type { User } from "@/api/session";
import { optionsOf } from "@/ui/options";

export type Role = User["role"];

export const ROLES = optionsOf<Role, { label: string; description: string }>({
  viewer: { label: "Viewer", description: "Sees everything that is sent, and changes nothing." },
  member: { label: "Member", description: "Writes and sends campaigns, and keeps the senders." },
  owner: {
    label: "Owner",
    description: "Sends as members do, and keeps members, API keys, webhooks and people’s data.",
  },
});

/** Whether `role` may do what takes `needed`, as the API has them: first the one that may do most. */
export const covers = (role: Role, needed: Role) =>
  VALUES.User.role.indexOf(role) <= VALUES.User.role.indexOf(needed);

export const roleDescription = (role: Role) => ROLES.find(({ value }) => value === role)?.description;

export const roleWords = (role: Role) => ROLES.find(({ value }) => value === role)?.label ?? role;
