import { Time } from "@/time/Time";
import { useNow } from "@/time/useNow";
import { count } from "@/ui/numbers";
import { of } from "./counts";
import type { Campaign } from "./queries";
import { sentRates } from "./sentRates";

/** How fast it goes and when it will be over, as planned now; when it was over, where it is. */
export function Pace({ campaign }: { campaign: Campaign }) {
  useNow();
  if (campaign.finishedAt) {
    return (
      <>
        finished <Time value={campaign.finishedAt} />
      </>
    );
  }
  if (campaign.status !== "ACTIVE") return null;
  const lastAt = campaign.waiting?.reason === "SENDER_BLOCKED" ? null : campaign.lastAt;
  const rate = of(campaign, "SENT") > 0 ? sentRates.perMinute(campaign.id, Date.now()) : null;
  return (
    <>
      {rate !== null && rate > 0 && (
        <>
          <span className="tabular">{rate < 1 ? "under 1" : count(Math.round(rate))}</span> a minute
        </>
      )}
      {rate !== null && rate > 0 && lastAt && " · "}
      {lastAt && (
        <>
          ends about <Time value={lastAt} />
        </>
      )}
    </>
  );
}
