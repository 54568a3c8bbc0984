import { Button, Menu } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { answer, api } from "@/api/client";
import { useMay } from "@/features/workspaces/useMay";
import { useCommand } from "@/forms/useCommand";
import { toWhomAgain, type Who } from "./again";
import type { Campaign, CampaignStep } from "./queries";

const WHO: Readonly<Record<Who, string>> = {
  NOT_ANSWERED: "Those who did not answer",
  ANSWERED: "Those who answered",
  FAILED: "Those whose email failed",
  EVERYBODY: "Everybody",
};
const OF_STEP: typeof WHO = {
  NOT_ANSWERED: "Those who got it and did not answer",
  ANSWERED: "Those who answered it",
  FAILED: "Those for whom it failed",
  EVERYBODY: "Everybody whom it was for",
};

interface Props {
  campaign: Campaign;
  /** Only to whom this step was for. */
  step?: CampaignStep;
}

/** A new draft to some of the recipients; suppressed ones are left out. */
export function AgainMenu({ campaign, step }: Props) {
  const { id, emailsRemovedAt } = campaign;
  const navigate = useNavigate();
  const { run, pending } = useCommand({
    run: (who: Who) =>
      answer(
        api.POST("/api/campaigns/{id}/again", {
          params: { path: { id } },
          body: { who, step: step?.step ?? null },
        }),
      ),
    done: (list) => navigate({ to: "/compose", search: { campaign: id, list: list.id } }),
    failed: "There is no list to write to",
  });
  const maySend = useMay("member");
  const offered = toWhomAgain(campaign, step);
  if (!maySend || emailsRemovedAt || offered.length === 0) return null;
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button
          variant={step ? "subtle" : "default"}
          size={step ? "compact-xs" : "xs"}
          loading={pending}
          aria-label={step === undefined ? undefined : `Write again to recipients of step ${step.step}`}
          rightSection={<IconChevronDown size={14} aria-hidden />}
        >
          {step ? "Write again" : "Write again to"}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {offered.map((who) => (
          <Menu.Item key={who} onClick={() => void run(who)}>
            {(step ? OF_STEP : WHO)[who]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
