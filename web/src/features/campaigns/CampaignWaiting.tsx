import { Button } from "@mantine/core";
import { WaitingNote } from "@/features/planning/WaitingNote";
import { isLimit } from "@/features/planning/words";
import { useMay } from "@/features/workspaces/useMay";
import { once } from "@/ui/once";
import { useCampaignActions } from "./commands";
import { of } from "./counts";
import type { Campaign } from "./queries";

/** Why the campaign's next email does not go now, and the way past the sender's other campaigns. */
export function CampaignWaiting({ campaign }: { campaign: Campaign }) {
  const untouched = of(campaign, "SCHEDULED") === campaign.total;
  return (
    <WaitingNote waiting={campaign.waiting} startTime={untouched ? campaign.startTime : undefined}>
      <First campaign={campaign} />
    </WaitingNote>
  );
}

function First({ campaign }: { campaign: Campaign }) {
  const { pending, act } = useCampaignActions(campaign);
  const maySend = useMay("member");
  const { waiting, aheadAt } = campaign;
  if (!maySend || campaign.status !== "ACTIVE" || !waiting || (!isLimit(waiting) && !aheadAt)) return null;
  const action = aheadAt ? "notFirst" : "first";
  return (
    <>
      {" "}
      <Button
        variant="subtle"
        size="compact-sm"
        loading={pending === action}
        disabled={pending !== null}
        onClick={once(() => act(action))}
        aria-label={aheadAt ? `${campaign.name} first no longer` : `${campaign.name} first`}
      >
        {aheadAt ? "First no longer" : "This first"}
      </Button>
    </>
  );
}
