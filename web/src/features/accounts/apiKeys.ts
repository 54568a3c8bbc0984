/** API keys: what they may do, how long, and a first request to try one with. */

import type { components } from "@/api/schema";
import { optionsOf } from "@/ui/options";

export type ApiKey = components["schemas"]["ApiKey"];
export type Scope = ApiKey["scopes"][number];

export const SCOPES = optionsOf<Scope, { label: string; description: string }>({
  read: { label: "Read", description: "See campaigns, emails, senders and figures." },
  send: { label: "Send", description: "Schedule and change campaigns and senders, decide about emails." },
  admin: { label: "Manage", description: "Members, keys and webhooks of the workspace, data of recipients." },
});

export const LIFETIMES: ReadonlyArray<{ value: string; label: string }> = [
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
  { value: "never", label: "Never" },
];

/** RFC 3339, or null for a key that does not expire. */
export function expiry(lifetime: string, now = new Date()): string | null {
  return lifetime === "never" ? null : new Date(now.getTime() + Number(lifetime) * 86_400_000).toISOString();
}

/** Whether the key opens anything: why not, otherwise. */
export function keyState(key: ApiKey, now: number): "Active" | "Revoked" | "Expired" {
  if (key.revokedAt !== null) return "Revoked";
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= now ? "Expired" : "Active";
}

const EXAMPLE = JSON.stringify({ subject: "Hello", body: "Is this on?", recipients: ["anna@example.com"] });

/** A harmless request that the key's scopes allow, for a POSIX shell. Nothing in it needs quoting. */
export function curl(origin: string, key: string, scopes: readonly Scope[]): string {
  const call = (path: string) => `curl ${origin}${path} \\\n  -H 'Authorization: Bearer ${key}'`;
  if (scopes.includes("read")) return call("/api/campaigns");
  if (!scopes.includes("send")) return call("/api/keys");
  return `${call("/api/campaigns/preview")} \\\n  -H 'Content-Type: application/json' \\\n  -d '${EXAMPLE}'`;
}
