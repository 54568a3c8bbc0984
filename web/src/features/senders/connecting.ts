/** Mailboxes connected at their provider, without a password. */

import type { Sender } from "./queries";
import type { ConnectFailure } from "./search";

/** The way to the provider and back: a whole page, since the provider's own is in between. */
export function connectPath(provider: string, senderId?: number): string {
  const path = `/api/senders/connect/${encodeURIComponent(provider)}`;
  return senderId === undefined ? path : `${path}?sender=${senderId}`;
}

/** Why nothing was connected, and what to do. */
export const CONNECT_FAILURES: Readonly<Record<ConnectFailure, string>> = {
  cancelled: "The provider says that you, or your administrator, did not agree. Nothing was changed.",
  expired: "That took too long, or was begun in another browser or workspace. Begin again.",
  scope:
    "Sending and reading mail was not among what you agreed to. Begin again, and leave every box of it ticked.",
  no_refresh_token:
    "The provider let us in for an hour only. Remove this service from your account there, then connect again.",
  other_mailbox:
    "You agreed with another account than this mailbox’s. Choose the mailbox’s own account there.",
  role: "Your role in this workspace does not let you connect mailboxes.",
  quota: "There are as many senders as this workspace may have. Delete one that is not needed.",
  another_account:
    "Since that page was opened, somebody else has logged in in this browser, or another workspace was gone to. Begin again if it is to be connected here.",
  failed: "It did not work. Try again; whoever runs this installation finds the reason in its log.",
};

/** The provider at which the mailbox has to be connected again; null: at none. */
export function lapsed({ credential }: Sender): { provider: string; error: string | null } | null {
  const { kind, provider, endedAt, error } = credential;
  return kind === "OAUTH" && provider !== null && endedAt !== null ? { provider, error } : null;
}
