import { Button, type ButtonProps } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { useMay } from "@/features/workspaces/useMay";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { putCampaign } from "./live";
import type { Campaign } from "./queries";

type Variant = NonNullable<Campaign["variants"]>[number];

interface Props extends ButtonProps {
  campaign: Campaign;
  which: Variant;
}

/** A variant is sent no more; recipients who wait get another. Nothing for the last one of its step. */
export function StopVariant({ campaign, which, ...look }: Props) {
  const { ask, pending } = useStopVariant(campaign.id, which);
  const mayStop = useMay("member") && !which.stoppedAt && campaign.status !== "CANCELLED";
  const hasOthers = campaign.variants?.some(
    ({ step, id, stoppedAt }) => step === which.step && id !== which.id && !stoppedAt,
  );
  if (!mayStop || !hasOthers) return null;
  return (
    <Button size="xs" variant="default" {...look} loading={pending} onClick={() => void ask()}>
      Stop {which.letter}
    </Button>
  );
}

/** Asks first: it does not begin again. */
function useStopVariant(campaignId: number, { id, letter }: Variant) {
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
