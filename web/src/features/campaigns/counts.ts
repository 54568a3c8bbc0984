import type { EmailStatus } from "@/features/ledger/queries";
import type { Campaign } from "./queries";

/** How many of a campaign's emails are in a status. */
export const of = (campaign: Pick<Campaign, "counts">, status: EmailStatus) => campaign.counts[status] ?? 0;
