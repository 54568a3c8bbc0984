/** What a person can do to a campaign as a whole. */

import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { sentence } from "@/api/problem";
import { confirm } from "@/ui/confirm";
import { counted } from "@/ui/numbers";
import { of } from "./counts";
import { applyCampaign } from "./live";
import type { Campaign } from "./queries";

export type CampaignAction = "pause" | "resume" | "cancel";

const CALLS = {
  pause: (id: number) => answer(api.POST("/api/campaigns/{id}/pause", { params: { path: { id } } })),
  resume: (id: number) => answer(api.POST("/api/campaigns/{id}/resume", { params: { path: { id } } })),
  cancel: (id: number) => answer(api.POST("/api/campaigns/{id}/cancel", { params: { path: { id } } })),
};

/** `pending` is what is being done; `act` asks first where it cannot be undone, and says what failed. */
export function useCampaignActions(campaign: Campaign) {
  const queries = useQueryClient();
  const [pending, setPending] = useState<CampaignAction | null>(null);
  const act = async (action: CampaignAction) => {
    if (action === "cancel" && !(await confirmCancel(campaign))) return;
    setPending(action);
    try {
      const changed = await CALLS[action](campaign.id);
      await queries.cancelQueries({ queryKey: keys.campaigns.all }); // what was read before says what was before
      applyCampaign(queries, changed);
      await queries.invalidateQueries({ queryKey: keys.emails.all });
    } catch (error) {
      notifications.show({
        color: "red",
        title: `“${campaign.name}” is as it was`,
        message: sentence(error),
      });
      await queries.invalidateQueries({ queryKey: keys.campaigns.all });
    } finally {
      setPending(null);
    }
  };
  return { pending, act };
}

function confirmCancel(campaign: Campaign): Promise<boolean> {
  const emails = counted(of(campaign, "SCHEDULED"), "email");
  return confirm({
    title: `Cancel “${campaign.name}”?`,
    children: `${emails} will not be sent. What has been sent stays sent. This cannot be undone.`,
    confirm: "Cancel the campaign",
  });
}
