import { Button, Group } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay, IconX } from "@tabler/icons-react";
import { useMay } from "@/features/workspaces/useMay";
import { useCampaignActions } from "./commands";
import type { Campaign } from "./queries";

/** Pause or resume, and cancel, as far as the campaign's state allows. */
export function CampaignActions({ campaign }: { campaign: Campaign }) {
  const { pending, act } = useCampaignActions(campaign);
  const maySend = useMay("member");
  if (!maySend) return null;
  if (campaign.status !== "ACTIVE" && campaign.status !== "PAUSED") return null;
  const turn = campaign.status === "ACTIVE" ? "pause" : "resume";
  const TurnIcon = turn === "pause" ? IconPlayerPause : IconPlayerPlay;
  return (
    <Group gap={6} wrap="nowrap">
      <Button
        variant="default"
        size="xs"
        miw={96}
        leftSection={<TurnIcon size={15} aria-hidden />}
        loading={pending === turn}
        disabled={pending !== null}
        onClick={() => act(turn)}
        aria-label={`${turn === "pause" ? "Pause" : "Resume"} ${campaign.name}`}
      >
        {turn === "pause" ? "Pause" : "Resume"}
      </Button>
      <Button
        variant="default"
        size="xs"
        c="var(--mantine-color-error)"
        leftSection={<IconX size={15} aria-hidden />}
        loading={pending === "cancel"}
        disabled={pending !== null}
        onClick={() => act("cancel")}
        aria-label={`Cancel ${campaign.name}`}
      >
        Cancel
      </Button>
    </Group>
  );
}
