/** Commands on a campaign as a whole. */

import { useQueryClient } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { counted } from "@/ui/numbers";
import { of } from "./counts";
import { putCampaign } from "./live";
import type { Campaign } from "./queries";

export type CampaignAction = "pause" | "resume" | "cancel" | "first" | "notFirst";

const CALLS = {
  pause: (id: number) => answer(api.POST("/api/campaigns/{id}/pause", { params: { path: { id } } })),
  resume: (id: number) => answer(api.POST("/api/campaigns/{id}/resume", { params: { path: { id } } })),
  cancel: (id: number) => answer(api.POST("/api/campaigns/{id}/cancel", { params: { path: { id } } })),
  first: (id: number) => answer(api.POST("/api/campaigns/{id}/first", { params: { path: { id } } })),
  notFirst: (id: number) => answer(api.DELETE("/api/campaigns/{id}/first", { params: { path: { id } } })),
};

/** `pending` is what is being done; `act` asks first where it cannot be undone. */
export function useCampaignActions(campaign: Campaign) {
  const queries = useQueryClient();
  const { run, input } = useCommand({
    run: (action: CampaignAction) => CALLS[action](campaign.id),
    changes: [keys.campaigns.all(), keys.emails.all()],
    done: (changed) => putCampaign(queries, changed),
    failed: `“${campaign.name}” is as it was`,
  });
  const act = async (action: CampaignAction) => {
    if (action !== "cancel" || (await confirmCancel(campaign))) await run(action);
  };
  return { pending: input ?? null, act };
}

export const changeCampaign = (id: number, body: components["schemas"]["CampaignPatch"]) =>
  answer(api.PATCH("/api/campaigns/{id}", { params: { path: { id } }, body }));

function confirmCancel(campaign: Campaign): Promise<boolean> {
  const emails = counted(of(campaign, "SCHEDULED"), "email");
  return confirm({
    title: `Cancel “${campaign.name}”?`,
    children: `${emails} will not be sent. What has been sent stays sent. This cannot be undone.`,
    confirm: "Cancel the campaign",
  });
}
