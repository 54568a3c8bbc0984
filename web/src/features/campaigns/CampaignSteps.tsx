import { Paper, Table, Title, VisuallyHidden } from "@mantine/core";
import { useMay } from "@/features/workspaces/useMay";
import { BarChart } from "@/ui/BarChart";
import { count, counted } from "@/ui/numbers";
import { AgainMenu } from "./AgainMenu";
import classes from "./CampaignSteps.module.css";
import { MoveUp } from "./MoveUp";
import type { Campaign, CampaignStep } from "./queries";

const FIGURES = [
  ["Sent", "sent"],
  ["Waiting", "waiting"],
  ["Answered", "answered"],
  ["Bounced", "bounced"],
  ["Opted out", "optedOut"],
  ["Following", "following"],
] as const;

/** How many got each step, and what came of it, as a funnel and in figures; nothing of a campaign of one step. */
export function CampaignSteps({ campaign }: { campaign: Campaign }) {
  const { steps = [] } = campaign;
  const mayAgain = useMay("member") && !campaign.emailsRemovedAt;
  if (steps.length < 2) return null;
  return (
    <Paper withBorder radius="lg" p="lg" component="section" aria-labelledby="steps-title">
      <Title order={2} id="steps-title" mb="md">
        By step
      </Title>
      <BarChart
        label={steps.map(words).join("; ")}
        height={120}
        scale={count(Math.max(1, ...steps.map(({ sent }) => sent)))}
        bars={steps.map((step) => ({ id: step.id, title: words(step), parts: parts(step) }))}
        named
        axis={steps.map(({ step }) => (steps.length > 5 ? String(step) : `Step ${step}`))}
      />
      <Table fz="sm" mt="md" aria-label="Steps" className={`${classes.steps} tabular`}>
        <Table.Thead>
          <Table.Tr>
            {["Step", ...FIGURES.map(([title]) => title)].map((title) => (
              <Table.Th key={title}>{title}</Table.Th>
            ))}
            {mayAgain && (
              <Table.Th>
                <VisuallyHidden>Write again</VisuallyHidden>
              </Table.Th>
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {steps.map((step) => (
            <Table.Tr key={step.id}>
              <Table.Td data-title="Step">{step.step}</Table.Td>
              {FIGURES.map(([title, name]) => (
                <Table.Td key={name} data-title={title}>
                  {count(step[name])}
                </Table.Td>
              ))}
              {mayAgain && (
                <Table.Td className={classes.again}>
                  <AgainMenu campaign={campaign} step={step} />
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <MoveUp campaign={campaign} />
    </Paper>
  );
}

function words({ step, sent, answered, bounced, optedOut }: CampaignStep): string {
  const came = [
    answered > 0 && `${count(answered)} answered`,
    bounced > 0 && `${count(bounced)} bounced`,
    optedOut > 0 && `${count(optedOut)} opted out`,
  ].filter(Boolean);
  return `Step ${step}: ${[`${counted(sent, "email")} sent`, ...came].join(", ")}`;
}

/** From top to bottom: who is through with it, and why; below them the rest. An email may be two of these. */
function parts({ sent, answered, bounced, optedOut }: CampaignStep) {
  const rest = Math.max(0, sent - answered - bounced - optedOut);
  return [
    { name: "Bounced", value: bounced, color: "var(--status-failed)" },
    { name: "Opted out", value: optedOut, color: "var(--status-cancelled)" },
    { name: "Answered", value: answered, color: "var(--status-sent)" },
    { name: "None of these yet", value: rest, color: "var(--status-scheduled)" },
  ];
}
