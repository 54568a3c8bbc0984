import { Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { campaignIfAny } from "@/features/campaigns/queries";
import { EmailFilters } from "./EmailFilters";
import { EmailList } from "./EmailList";
import type { Column } from "./EmailTable";
import type { EmailStatus } from "./queries";
import type { EmailSearch } from "./search";

interface Props {
  status: EmailStatus;
  search: EmailSearch;
  onChange: (patch: Partial<EmailSearch>) => void;
  columns: readonly Column[];
  empty: ReactNode;
}

/** Emails of one status, over all campaigns: filters that stand in the address, and the list. */
export function EmailsInStatus({ status, search, onChange, columns, empty }: Props) {
  const { q, campaignId, senderId, failedFor, decided } = search;
  const failed = status === "FAILED" && { failedFor, undecided: !decided };
  const filter = { status, q, campaignId, senderId, ...failed };
  const { data: campaign } = useQuery(campaignIfAny(campaignId));
  const filtered =
    q !== undefined || campaignId !== undefined || senderId !== undefined || failedFor !== undefined;
  const clear = () =>
    onChange({ q: undefined, campaignId: undefined, senderId: undefined, failedFor: undefined });
  return (
    <Stack gap="md">
      <EmailFilters search={search} onChange={onChange} filter={filter} />
      <EmailList
        filter={filter}
        columns={columns}
        whole={failedFor ? undefined : status === "FAILED" ? campaign?.undecided : campaign?.counts[status]}
        empty={empty}
        clear={filtered ? clear : undefined}
      />
    </Stack>
  );
}
