import { VALUES } from "@/api/constants";
import { ownPath } from "@/features/accounts/ownPath";
import { idIn, oneOf, type Search } from "@/ui/searchParams";

export type ConnectFailure = (typeof VALUES)["ConnectFailure"]["connectFailed"][number];

/**
 * The sender whose form is open ("new" for one to be added, "file" for several), and what became of the way to a provider: the mailbox that
 * is connected now, or why none is, and which page was to be shown then.
 */
export function senderPlace(search: Search): {
  edit?: number | "new" | "file";
  connected?: number;
  connectFailed?: ConnectFailure;
  next?: string;
} {
  return {
    edit: oneOf<"new" | "file">(["new", "file"], search.edit) ?? idIn(search.edit),
    connected: idIn(search.connected),
    connectFailed: oneOf<ConnectFailure>(VALUES.ConnectFailure.connectFailed, search.connectFailed),
    next: ownPath(search.next),
  };
}
