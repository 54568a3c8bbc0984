import { Button, Group } from "@mantine/core";
import { IconCopy, IconPlayerPause, IconPlayerPlay, IconX } from "@tabler/icons-react";
import { useMay } from "@/features/workspaces/useMay";
import { ButtonLink } from "@/ui/links";
import { once } from "@/ui/once";
import { useCampaignActions } from "./commands";
import type { Campaign } from "./queries";

/** Pause or resume, and cancel, as far as the campaign's state allows. */
export function CampaignActions({ campaign }: { campaign: Campaign }) {
  const { pending, act } = useCampaignActions(campaign);
  const maySend = useMay("member");
  if (!maySend) return null;
  const again = (
    <ButtonLink
      to="/compose"
      search={{ campaign: campaign.id }}
      variant="default"
      size="xs"
      leftSection={<IconCopy size={15} aria-hidden />}
      aria-label={`Duplicate ${campaign.name}`}
    >
      Duplicate
    </ButtonLink>
  );
  if (campaign.status !== "ACTIVE" && campaign.status !== "PAUSED") return again;
  const turn = campaign.status === "ACTIVE" ? "pause" : "resume";
  const TurnIcon = turn === "pause" ? IconPlayerPause : IconPlayerPlay;
  return (
    <Group gap={6} wrap="nowrap">
      {again}
      <Button
        variant="default"
        size="xs"
        miw={96}
        leftSection={<TurnIcon size={15} aria-hidden />}
        loading={pending === turn}
        disabled={pending !== null}
        onClick={once(() => act(turn))}
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
