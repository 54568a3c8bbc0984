import { Button, Group, Text } from "@mantine/core";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { useMay } from "@/features/workspaces/useMay";
import { useCommand } from "@/forms/useCommand";
import { localTime } from "@/time/format";
import { of } from "./counts";
import type { Campaign } from "./queries";

type MovedUp = components["schemas"]["MovedUp"];

const movedUpQuery = (id: number) =>
  queryOptions({
    queryKey: keys.campaigns.movedUp(id),
    queryFn: ({ signal }) =>
      answer(api.GET("/api/campaigns/{id}/move-up", { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => (state.data?.planning ? 2_000 : 60_000),
  });

/** Room that answers free: what moving up changed last, and the way to do it now. */
export function MoveUp({ campaign }: { campaign: Campaign }) {
  const { id, name } = campaign;
  const { data: moved } = useQuery(movedUpQuery(id));
  const maySend = useMay("member");
  const { run, pending } = useCommand({
    run: () => answer(api.POST("/api/campaigns/{id}/move-up", { params: { path: { id } } })),
    changes: [keys.campaigns.all(), keys.emails.all()],
    failed: `“${name}” is as it was`,
  });
  if (campaign.status !== "ACTIVE" || of(campaign, "SCHEDULED") === 0 || !moved) return null;
  return (
    <Group gap="xs" mt="md">
      <Text size="sm" aria-live="polite">
        {movedUpSentence(moved)}
      </Text>
      {maySend && (
        <Button
          variant="subtle"
          size="compact-sm"
          loading={pending}
          disabled={moved.planning}
          onClick={() => run()}
          aria-label={`Move up now: new people of ${name}`}
        >
          Move up now
        </Button>
      )}
    </Group>
  );
}

/**
 * A sentence on what moving up changed: "New people moved up on 1 Dec, 4:10: the last leaves on 9 Dec, 10:00, not on 12
 * Dec, 10:00."
 */
export function movedUpSentence({ at, lastBefore, lastNow, planning }: MovedUp, now = new Date()): string {
  if (planning) return "New people are moving up into room that answers freed.";
  if (at === null) return "Once a day, new people move up into room that answers freed.";
  const when = localTime(new Date(at), now);
  if (lastBefore === null || lastNow === null) return `New people last moved up on ${when}.`;
  if (Date.parse(lastNow) >= Date.parse(lastBefore))
    return `New people were to move up on ${when}: there was no room to move into.`;
  const [last, before] = [lastNow, lastBefore].map((time) => localTime(new Date(time), now));
  return `New people moved up on ${when}: the last leaves on ${last}, not on ${before}.`;
}
