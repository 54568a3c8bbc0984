import { useQueryClient } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { putCampaign } from "./live";

/** A variant is sent no more; whoever waits gets another. Asks first: it does not begin again. */
export function useStopVariant(campaignId: number, { id, letter }: { id: number; letter: string }) {
  const queries = useQueryClient();
  const { run, pending } = useCommand({
    run: () =>
      answer(
        api.POST("/api/campaigns/{id}/variants/{variantId}/stop", {
          params: { path: { id: campaignId, variantId: id } },
        }),
      ),
    changes: [keys.campaigns.all(), keys.emails.all()],
    done: (changed) => putCampaign(queries, changed),
    said: () => `Variant ${letter} goes to nobody any more.`,
    failed: `Variant ${letter} was not stopped`,
  });
  const ask = async () => {
    const sure = await confirm({
      title: `Stop variant ${letter}?`,
      children: "Whoever waits gets another variant. What has gone stays its. It cannot be begun again.",
      confirm: `Stop ${letter}`,
    });
    if (sure) await run();
  };
  return { ask, pending };
}
