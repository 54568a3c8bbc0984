/** The state that a list of emails keeps in the address, so that a link or a reload shows the same. */

import { VALUES } from "@/api/constants";
import { idIn, oneOf, type Search, textIn } from "@/ui/searchParams";
import type { EmailStatus, FailureReason } from "./queries";

export interface EmailSearch {
  q?: string | undefined;
  campaignId?: number | undefined;
  senderId?: number | undefined;
  status?: EmailStatus | undefined;
  /** Of those that failed: for one reason, or also what was decided on. */
  failedFor?: FailureReason | undefined;
  decided?: true | undefined;
}

export function emailSearch(search: Search): EmailSearch {
  return {
    q: textIn(search.q),
    campaignId: idIn(search.campaignId),
    senderId: idIn(search.senderId),
    status: oneOf(VALUES.Email.status, search.status),
    failedFor: oneOf(VALUES.FailureGroup.reason, search.failedFor),
    decided: search.decided === true ? true : undefined,
  };
}

/** Whether only some recipients or one sender's are listed: a word on all of a campaign or a reason would be on others, too. */
export function isNarrowed({
  q,
  senderId,
}: {
  q?: string | null | undefined;
  senderId?: number | null | undefined;
}): boolean {
  return Boolean(q) || Boolean(senderId);
}

/** Where the CSV of the same emails is, for a spreadsheet: as a table, or as a list of recipients to upload again. */
export function exportPath(search: EmailSearch, columns: "table" | "list" = "table"): string {
  const query = new URLSearchParams({ spreadsheet: "true", columns });
  for (const [name, value] of Object.entries(search)) if (value !== undefined) query.set(name, `${value}`);
  return `/api/emails/export?${query}`;
}
