import { Stack } from "@mantine/core";
import { IconInbox } from "@tabler/icons-react";
import { EmailFilters } from "@/features/ledger/EmailFilters";
import { EmailList } from "@/features/ledger/EmailList";
import type { EmailStatus } from "@/features/ledger/queries";
import { EMAIL_STATUS, EMAIL_STATUSES } from "@/features/ledger/words";
import { Choice } from "@/ui/Choice";
import { EmptyState } from "@/ui/EmptyState";
import { of } from "./counts";
import type { Campaign } from "./queries";
import type { CampaignSearch } from "./search";

interface Props {
  campaign: Campaign;
  search: CampaignSearch;
  onChange: (patch: Partial<CampaignSearch>) => void;
}

/** The emails of a campaign, by status; what failed or is in doubt can be decided on as a whole. */
export function CampaignEmails({ campaign, search, onChange }: Props) {
  const { status, q } = search;
  const filter = { campaignId: campaign.id, status, q };
  const options: Array<{ value: EmailStatus | undefined; label: string; n: number }> = [
    { value: undefined, label: "All", n: campaign.total },
    ...EMAIL_STATUSES.filter((each) => of(campaign, each) > 0 || each === status).map((value) => ({
      value,
      label: EMAIL_STATUS[value].label,
      n: of(campaign, value),
    })),
  ];
  return (
    <Stack gap="md">
      <Choice label="Status" options={options} value={status} onChange={(status) => onChange({ status })} />
      <EmailFilters search={search} onChange={onChange} filter={filter} only="recipient" />
      <EmailList
        filter={filter}
        columns={status ? ["when", "attempts", "reply"] : ["status", "when", "reply"]}
        whole={status === "FAILED" ? campaign.undecided : status && of(campaign, status)}
        empty={
          <EmptyState icon={IconInbox} title="No email is in this state">
            Choose another state above to see the others.
          </EmptyState>
        }
        clear={q ? () => onChange({ q: undefined }) : undefined}
      />
    </Stack>
  );
}
