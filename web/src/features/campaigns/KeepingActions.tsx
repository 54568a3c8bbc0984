import { Button } from "@mantine/core";
import { IconArchive, IconArchiveOff, IconTrash } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { useMay } from "@/features/workspaces/useMay";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { once } from "@/ui/once";
import type { Campaign } from "./queries";

/** Of a campaign that is over: out of the list and back, or deleted. */
export function KeepingActions({ campaign }: { campaign: Campaign }) {
  const { id, name, archivedAt, status } = campaign;
  const params = { path: { id } };
  const navigate = useNavigate();
  const { run: move, pending } = useCommand({
    run: (): Promise<unknown> =>
      answer(
        archivedAt
          ? api.DELETE("/api/campaigns/{id}/archive", { params })
          : api.POST("/api/campaigns/{id}/archive", { params }),
      ),
    changes: [keys.campaigns.all()],
    said: () => (archivedAt ? "It is in the list again." : "It is in the archive."),
  });
  const { run: remove, pending: removing } = useCommand({
    run: () => answer(api.DELETE("/api/campaigns/{id}", { params })),
    done: () => navigate({ to: "/" }),
    changes: [keys.campaigns.lists(), keys.emails.lists(), keys.stats.all()],
    said: () => "It is deleted.",
    failed: `“${name}” is not deleted`,
  });
  const maySend = useMay("member");
  if (!maySend || (status !== "FINISHED" && status !== "CANCELLED")) return null;
  const ask = async () => {
    const sure = await confirm({
      title: `Delete “${name}”?`,
      children:
        "Its emails, their attempts and its texts are removed for good. What it sent stays in the figures, and who is not written to any more stays so. Answers that come later can no longer be shown, but whoever says stop is still heard.",
      confirm: "Delete the campaign",
    });
    if (sure) await remove();
  };
  const ArchiveIcon = archivedAt ? IconArchiveOff : IconArchive;
  return (
    <>
      <Button
        variant="default"
        size="xs"
        leftSection={<ArchiveIcon size={15} aria-hidden />}
        loading={pending}
        onClick={once(() => move())}
      >
        {archivedAt ? "Back to the list" : "Archive"}
      </Button>
      <Button
        variant="default"
        size="xs"
        c="var(--mantine-color-error)"
        leftSection={<IconTrash size={15} aria-hidden />}
        loading={removing}
        onClick={() => void ask()}
      >
        Delete
      </Button>
    </>
  );
}
