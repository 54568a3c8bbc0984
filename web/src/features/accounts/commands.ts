/** Commands on one's own account: getting in, passwords, sessions, keys. */

import { answer, api, inNameOf } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import type { User } from "@/api/session";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { type ApiKey, expiry, type Scope } from "./apiKeys";

type Schemas = components["schemas"];

export const logIn = (body: Schemas["Credentials"]) => answer(api.POST("/api/auth/login", { body }));

/** The session, which is about another workspace `now`, is about this page's again. */
export const selectAgain = (now: User, workspaceId: number) =>
  answer(
    api.POST("/api/workspaces/{id}/select", {
      params: { path: { id: workspaceId } },
      headers: inNameOf(now),
    }),
  );

export const register = (body: Schemas["RegistrationBody"]) =>
  answer(api.POST("/api/auth/register", { body }));

export const askForReset = (body: Schemas["ResetRequest"]) => answer(api.POST("/api/auth/reset", { body }));

export const resetPassword = (body: Schemas["Reset"]) =>
  answer(api.POST("/api/auth/reset/confirm", { body }));

export const changePassword = (body: Schemas["PasswordChange"]) =>
  answer(api.POST("/api/auth/password", { body }));

export const makeKey = ({ name, scopes, lifetime }: { name: string; scopes: Scope[]; lifetime: string }) =>
  answer(api.POST("/api/keys", { body: { name, scopes, expiresAt: expiry(lifetime) } }));

export function useRevokeKey({ id, name }: ApiKey) {
  const { run, pending } = useCommand({
    run: () => answer(api.DELETE("/api/keys/{id}", { params: { path: { id } } })),
    changes: [keys.apiKeys()],
  });
  const revoke = async () => {
    const sure = await confirm({
      title: `Revoke “${name}”?`,
      children: "Programs that use it are refused from now on. That cannot be undone.",
      confirm: "Revoke the key",
    });
    if (sure) await run();
  };
  return { revoke, pending };
}

/** `device`: what it is called in the list. */
export function useEndSession({ id, address }: Schemas["Session"], device: string) {
  return useCommand({
    run: () => answer(api.DELETE("/api/auth/sessions/{id}", { params: { path: { id } } })),
    changes: [keys.sessions()],
    said: () => `${device} at ${address} is logged out.`,
  });
}
