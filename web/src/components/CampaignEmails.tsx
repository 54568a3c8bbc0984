import { Button, Group, Stack } from "@mantine/core";
import { IconInbox } from "@tabler/icons-react";
import type { Campaign, EmailStatus } from "@/api/queries";
import { decisionsOn, useDecisions } from "@/lib/decisions";
import type { CampaignSearch } from "@/lib/search";
import { DECISIONS, of } from "@/lib/wording";
import { Choice } from "./Choice";
import { EmailFilters } from "./EmailFilters";
import { EmailList } from "./EmailList";
import { EmptyState } from "./EmptyState";
import { EMAIL_STATUSES, STATUS } from "./StatusBadge";

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
      label: STATUS[value].label,
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
        whole={status && of(campaign, status)}
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

/** Decides on all that failed or is in doubt at once, from wherever the campaign is shown. */
export function CampaignDecisions({ campaign }: { campaign: Campaign }) {
  const { pending, decide } = useDecisions();
  const open = (["FAILED", "UNKNOWN"] as const).filter((status) => of(campaign, status) > 0);
  if (open.length === 0) return null;
  return (
    <Group gap={6}>
      {open.flatMap((status) =>
        decisionsOn(status)
          .filter((decision) => decision === "sent" || campaign.status !== "CANCELLED")
          .map((decision) => (
            <Button
              key={decision}
              size="xs"
              variant="default"
              disabled={pending}
              onClick={() => decide(decision, { campaignId: campaign.id, n: of(campaign, status) })}
            >
              {DECISIONS[decision].button} all {STATUS[status].label.toLowerCase()}
            </Button>
          )),
      )}
    </Group>
  );
}
