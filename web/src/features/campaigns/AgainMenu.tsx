import { Button, Menu } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { answer, api } from "@/api/client";
import type { components } from "@/api/schema";
import { useMay } from "@/features/workspaces/useMay";
import { useCommand } from "@/forms/useCommand";
import { optionsOf } from "@/ui/options";
import type { Campaign } from "./queries";

type Who = components["schemas"]["Again"]["who"];

const WHO: Readonly<Record<Who, { label: string }>> = {
  NOT_ANSWERED: { label: "Those who did not answer" },
  ANSWERED: { label: "Those who answered" },
  FAILED: { label: "Those whose email failed" },
  EVERYBODY: { label: "Everybody" },
};
const OF_STEP: typeof WHO = {
  NOT_ANSWERED: { label: "Those who got it and did not answer" },
  ANSWERED: { label: "Those who answered it" },
  FAILED: { label: "Those for whom it failed" },
  EVERYBODY: { label: "Everybody whom it was for" },
};

interface Props {
  campaign: Campaign;
  /** Only to who got this step, from 1. */
  step?: number;
}

/** A new draft to some of the recipients; suppressed ones are left out. */
export function AgainMenu({ campaign: { id, emailsRemovedAt }, step }: Props) {
  const navigate = useNavigate();
  const { run, pending } = useCommand({
    run: (who: Who) =>
      answer(
        api.POST("/api/campaigns/{id}/again", {
          params: { path: { id } },
          body: { who, step: step ?? null },
        }),
      ),
    done: (list) => navigate({ to: "/compose", search: { campaign: id, list: list.id } }),
    failed: "There is nobody to write to",
  });
  const maySend = useMay("member");
  if (!maySend || emailsRemovedAt) return null;
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button
          variant={step ? "subtle" : "default"}
          size={step ? "compact-xs" : "xs"}
          loading={pending}
          aria-label={step === undefined ? undefined : `Write again to recipients of step ${step}`}
          rightSection={<IconChevronDown size={14} aria-hidden />}
        >
          {step ? "Write again" : "Write again to"}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {optionsOf(step ? OF_STEP : WHO).map(({ value, label }) => (
          <Menu.Item key={value} onClick={() => void run(value)}>
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
