import { CampaignPage as Page } from "@/features/campaigns/CampaignPage";
import { lazyPart } from "@/ui/lazyPart";

const RunningSteps = lazyPart(() => import("@/features/compose/RunningSteps"), "RunningSteps");

/** A campaign's page, with the composer's fields for its steps. */
export function CampaignPage() {
  return <Page StepsFields={RunningSteps} />;
}
