import { Button, Group, List, Paper, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { ApiProblem, sentence } from "@/api/problem";
import { changeCampaign } from "@/features/campaigns/commands";
import { type Campaign, campaignQuery } from "@/features/campaigns/queries";
import { useMay } from "@/features/workspaces/useMay";
import { useCommand } from "@/forms/useCommand";
import { useUnsaved } from "@/forms/useUnsaved";
import { confirm } from "@/ui/confirm";
import { changed } from "./draft/changes";
import { errorsOf } from "./draft/errors";
import { missing } from "./draft/request";
import { consequences, draftOf, patchOf, type StepPatch } from "./steps/running";
import { StepsFields } from "./steps/StepsFields";

/** The later steps of a campaign that is scheduled, to be changed; what that will do is said before. */
export function RunningSteps({ campaign }: { campaign: Campaign }) {
  const queries = useQueryClient();
  const maySend = useMay("member");
  // What the fields began with: the campaign's figures change under them as it is sent.
  const [before, setBefore] = useState(() => draftOf(campaign));
  const [after, setAfter] = useState(before);
  const isFinished = campaign.status === "FINISHED";
  const { run, pending, error, reset } = useCommand({
    run: (steps: StepPatch[]) => changeCampaign(campaign.id, { steps, ...(isFinished && { reopen: true }) }),
    changes: [keys.campaigns.lists(), keys.emails.all()],
    done: (answer) => {
      queries.setQueryData(campaignQuery(campaign.id).queryKey, answer);
      const now = draftOf(answer);
      setBefore(now);
      setAfter(now);
    },
    said: () => "The steps are changed.",
    failed: () => {}, // said below
  });
  const said = consequences(campaign, before, after);
  const lacks = Object.fromEntries(
    Object.entries(missing(after, 1)).filter(([path]) => !path.startsWith("steps[0]")),
  );
  const { errors, isPlaced } = errorsOf(error);
  useUnsaved(() => said.length > 0);
  if (campaign.status === "CANCELLED" || !maySend) return null;
  const save = async () => {
    const sure = await confirm({
      title: isFinished ? "Go on with these steps?" : "Change the steps?",
      children: (
        <Stack gap="xs">
          {isFinished && <Text>The campaign is finished. It goes on for whoever has a step to come.</Text>}
          <Consequences of={said} />
        </Stack>
      ),
      confirm: isFinished ? "Go on with it" : "Change the steps",
      danger: false,
    });
    if (sure) await run(patchOf(campaign, before, after));
  };
  return (
    <Paper withBorder radius="lg" p="lg" component="section" aria-labelledby="running-steps">
      <Title order={2} size="h3" id="running-steps" mb="xs">
        Steps
      </Title>
      <StepsFields
        draft={after}
        onChange={(...changes) => {
          if (error) reset();
          setAfter((draft) => changes.reduce(changed, draft));
        }}
        fields={campaign.fields ?? []}
        errors={error ? errors : said.length > 0 ? lacks : {}}
        onLook={() => {}}
        origin={String(campaign.id)}
        isScheduled
      />
      {said.length > 0 && (
        <Stack gap="sm" mt="lg">
          <div aria-live="polite">
            <Consequences of={said} />
          </div>
          {error && !isPlaced && (
            <Text c="var(--mantine-color-error)" role="alert">
              {error instanceof ApiProblem ? sentence(error) : "It was not saved; try again."}
            </Text>
          )}
          <Group>
            <Button loading={pending} disabled={Object.keys(lacks).length > 0} onClick={() => void save()}>
              {isFinished ? "Go on with these steps" : "Change the steps"}
            </Button>
            <Button variant="default" disabled={pending} onClick={() => setAfter(before)}>
              As they were
            </Button>
          </Group>
        </Stack>
      )}
    </Paper>
  );
}

function Consequences({ of }: { of: readonly string[] }) {
  return (
    <List size="sm">
      {of.map((line) => (
        <List.Item key={line}>{line}</List.Item>
      ))}
    </List>
  );
}
