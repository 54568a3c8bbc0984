import { Button, Group } from "@mantine/core";
import { useDecisions } from "@/features/ledger/commands";
import { DECISIONS, decisionsOn, EMAIL_STATUS } from "@/features/ledger/words";
import { useMay } from "@/features/workspaces/useMay";
import { count } from "@/ui/numbers";
import { of } from "./counts";
import type { Campaign } from "./queries";

/** Decides on all that failed or is in doubt at once, from wherever the campaign is shown. */
export function CampaignDecisions({ campaign }: { campaign: Campaign }) {
  const { pending, decide } = useDecisions();
  const maySend = useMay("member");
  const waiting = { FAILED: campaign.undecided, UNKNOWN: of(campaign, "UNKNOWN") };
  const open = (["FAILED", "UNKNOWN"] as const).filter((status) => waiting[status] > 0);
  if (!maySend || open.length === 0) return null;
  return (
    <Group gap={6}>
      {open.flatMap((status) =>
        decisionsOn(status)
          .filter(
            (decision) => (decision !== "retry" && decision !== "resend") || campaign.status !== "CANCELLED",
          )
          .map((decision) => (
            <Button
              key={decision}
              size="xs"
              variant="default"
              disabled={pending}
              onClick={() => decide(decision, { campaignId: campaign.id, n: waiting[status] })}
            >
              {DECISIONS[decision].button}: all {count(waiting[status])}{" "}
              {EMAIL_STATUS[status].label.toLowerCase()}
            </Button>
          )),
      )}
    </Group>
  );
}
