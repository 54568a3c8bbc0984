/** Why nothing more is sent to somebody, in words. */

import { keysOf } from "@/ui/options";
import type { Reason, Suppression } from "./queries";

/** In the order in which one chooses among them. */
export const REASON: Readonly<Record<Reason, { label: string; sentence: string }>> = {
  UNSUBSCRIBED: { label: "Unsubscribed", sentence: "They unsubscribed." },
  BOUNCED: { label: "Bounced", sentence: "A mail server said that there is no such mailbox." },
  COMPLAINED: { label: "Complained", sentence: "They reported a message as unwanted." },
  REPLIED_STOP: { label: "Asked to stop", sentence: "They answered that they want no more." },
  MANUAL: { label: "By hand", sentence: "A member of the workspace said so, or a file." },
};

export const REASONS = keysOf(REASON);

/** The name of a suppression: an address, all of a domain, or somebody whose address was erased. */
export function nameOf({ email, domain }: Pick<Suppression, "email" | "domain">): string {
  return email ?? (domain === null ? "(erased)" : `All of ${domain}`);
}

/** Whether they said so themselves: to write to them again takes their word, too. */
export function isOwnWish(reason: Reason): boolean {
  return reason === "UNSUBSCRIBED" || reason === "COMPLAINED" || reason === "REPLIED_STOP";
}

/** A type, since an interface has no index. */
export type Typed = {
  emails: string[];
  domains: string[];
};

/** In front of a domain; the apostrophe keeps a spreadsheet from taking it for a formula. */
const ALL_OF = /^'?\*?[@＠]/;

/** The names typed or pasted, one a line or with commas between: with an @ within it is an address, else a domain. */
export function typedNames(text: string): Typed {
  const names = text.split(/[\s,;]+/).filter(Boolean);
  const isAddress = (name: string) => /[@＠]/.test(name) && !ALL_OF.test(name);
  return {
    emails: names.filter(isAddress),
    domains: names.filter((name) => !isAddress(name)).map((name) => name.replace(ALL_OF, "")),
  };
}
