import { Button, Group, List, Paper, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { ApiProblem, sentence } from "@/api/problem";
import { changeCampaign } from "@/features/campaigns/commands";
import { putChanged } from "@/features/campaigns/live";
import { type Campaign, campaignQuery } from "@/features/campaigns/queries";
import { StopVariant } from "@/features/campaigns/StopVariant";
import { useMay } from "@/features/workspaces/useMay";
import { BeginAnew } from "@/forms/BeginAnew";
import { useCommand } from "@/forms/useCommand";
import { useUnsaved } from "@/forms/useUnsaved";
import { confirm } from "@/ui/confirm";
import { AnchorLink } from "@/ui/links";
import { VariantTexts } from "./content/VariantTexts";
import { changed } from "./draft/changes";
import type { Variant } from "./draft/draft";
import { below, errorsOf } from "./draft/errors";
import { missing } from "./draft/request";
import { RunningPreview } from "./preview/RunningPreview";
import { consequences, draftOf, patchOf, placed, type TextsPatch } from "./steps/running";
import { StepsFields } from "./steps/StepsFields";
import classes from "./steps/steps.module.css";

/** The variants and later steps of a campaign that is scheduled, to be changed; what that will do is said before. */
export function RunningSteps({ campaign }: { campaign: Campaign }) {
  const queries = useQueryClient();
  const maySend = useMay("member");
  // The values that the fields began with: the campaign's figures change under them as it is sent.
  const [{ before, version }, setBegun] = useState(() => begunWith(campaign));
  const [after, setAfter] = useState(before);
  const [looked, setLooked] = useState<{ step: string; variant: number } | null>(null);
  const isFinished = campaign.status === "FINISHED";
  const { run, pending, error, reset } = useCommand({
    run: (patch: TextsPatch) =>
      changeCampaign(campaign.id, {
        ...patch,
        ...(isFinished && { reopen: true }),
        ...(version && { textsVersion: version }),
      }),
    changes: [keys.campaigns.lists(), keys.emails.all()],
    done: (answer) => {
      putChanged(queries, answer);
      begin(answer);
    },
    said: () => "The texts are changed.",
    failed: () => {}, // said below
  });
  const begin = (now: Campaign) => {
    const begun = begunWith(now);
    setBegun(begun);
    setAfter(begun.before);
  };
  const beginAnew = async () => {
    begin(await queries.fetchQuery({ ...campaignQuery(campaign.id), staleTime: 0 }));
    reset();
  };
  const said = consequences(campaign, before, after);
  // A change by somebody else meanwhile is seen at once, unless it would take what is written here away.
  if (after === before && campaign.textsVersion && campaign.textsVersion !== version) begin(campaign);
  const [first] = after.steps;
  // The first step's own text is changed with the settings.
  const lacks = Object.fromEntries(
    Object.entries(missing(after, 1)).filter(([path]) => !path.startsWith("steps[0].content")),
  );
  const { errors: told, isPlaced } = errorsOf(error);
  const errors = error ? placed(campaign, before, after, told) : said.length > 0 ? lacks : {};
  useUnsaved(() => said.length > 0);
  if (campaign.status === "CANCELLED" || !maySend) return null;
  const change = (...changes: Parameters<typeof changed>[1][]) => {
    if (error) reset();
    setAfter((draft) => changes.reduce(changed, draft));
  };
  const standing = ({ id }: Variant) => {
    const known = campaign.variants?.find((each) => String(each.id) === id);
    if (!known) return undefined;
    const stop = <StopVariant campaign={campaign} which={known} mb={6} />;
    return { isStopped: known.stoppedAt !== null, stop };
  };
  const save = async () => {
    const sure = await confirm({
      title: isFinished ? "Go on with these steps?" : "Change the texts?",
      children: (
        <Stack gap="xs">
          {isFinished && <Text>The campaign is finished. It goes on for whoever has a step to come.</Text>}
          <Consequences of={said} />
        </Stack>
      ),
      confirm: isFinished ? "Go on with it" : "Change the texts",
      danger: false,
    });
    if (sure) await run(patchOf(campaign, before, after));
  };
  return (
    <Paper withBorder radius="lg" p="lg" component="section" aria-labelledby="running-steps">
      <Title order={2} size="h3" id="running-steps" mb="xs">
        {hasSteps(campaign) ? "Steps" : "Variants"}
      </Title>
      {!isFinished && (
        <section className={classes.step} aria-labelledby="running-first">
          <Text fw={550} id="running-first" mb="xs">
            Step 1
          </Text>
          <VariantTexts
            step={first}
            onChange={(part) => change({ kind: "step", step: first.id, part })}
            onContent={() => {}}
            fields={campaign.fields ?? []}
            errors={below(errors, "steps[0]")}
            onLook={(variant) => setLooked({ step: first.id, variant })}
            standing={standing}
            own={
              <Text size="sm" c="dimmed">
                A is the text above.{" "}
                <AnchorLink to="/campaigns/$id" params={{ id: campaign.id }} search={{ tab: "settings" }}>
                  Change it in the settings
                </AnchorLink>
              </Text>
            }
          />
        </section>
      )}
      {hasSteps(campaign) && (
        <StepsFields
          draft={after}
          onChange={change}
          fields={campaign.fields ?? []}
          errors={errors}
          onLook={(step, variant) => setLooked({ step, variant })}
          origin={String(campaign.id)}
          standing={standing}
        />
      )}
      {looked && <RunningPreview campaign={campaign} draft={after} looked={looked} />}
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
              {isFinished ? "Go on with these steps" : "Change the texts"}
            </Button>
            <BeginAnew error={error} begin={beginAnew} />
            {!(error instanceof ApiProblem && error.isOfOlderTexts) && (
              <Button variant="default" disabled={pending} onClick={() => setAfter(before)}>
                As they were
              </Button>
            )}
          </Group>
        </Stack>
      )}
    </Paper>
  );
}

/** The texts that a change begins with, and their version. */
const begunWith = (campaign: Campaign) => ({ before: draftOf(campaign), version: campaign.textsVersion });

const hasSteps = ({ steps = [] }: Campaign) => steps.length > 0;

function Consequences({ of }: { of: readonly string[] }) {
  return (
    <List size="sm">
      {of.map((line) => (
        <List.Item key={line}>{line}</List.Item>
      ))}
    </List>
  );
}
