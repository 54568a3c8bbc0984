import { Paper, Table, Title } from "@mantine/core";
import { BarChart } from "@/ui/BarChart";
import { count, counted } from "@/ui/numbers";
import { MoveUp } from "./MoveUp";
import type { Campaign } from "./queries";

type Step = NonNullable<Campaign["steps"]>[number];

/** How many got each step, and what came of it, as a funnel and in figures; nothing of a campaign of one step. */
export function CampaignSteps({ campaign }: { campaign: Campaign }) {
  const { steps = [] } = campaign;
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
        axis={steps.map(({ step }) => `Step ${step}`)}
      />
      <Table.ScrollContainer minWidth={460} type="native" mt="md">
        <Table fz="sm" aria-label="Steps" className="tabular">
          <Table.Thead>
            <Table.Tr>
              {["Step", "Sent", "Waiting", "Answered", "Bounced", "Opted out", "Following"].map((title) => (
                <Table.Th key={title} ta={title === "Step" ? "start" : "end"}>
                  {title}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {steps.map(({ id, step, sent, waiting, answered, bounced, optedOut, following }) => (
              <Table.Tr key={id}>
                <Table.Td>{step}</Table.Td>
                {Object.entries({ sent, waiting, answered, bounced, optedOut, following }).map(
                  ([name, n]) => (
                    <Table.Td key={name} ta="end">
                      {count(n)}
                    </Table.Td>
                  ),
                )}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <MoveUp campaign={campaign} />
    </Paper>
  );
}

function words({ step, sent, answered, bounced, optedOut }: Step): string {
  const came = [
    answered > 0 && `${count(answered)} answered`,
    bounced > 0 && `${count(bounced)} bounced`,
    optedOut > 0 && `${count(optedOut)} opted out`,
  ].filter(Boolean);
  return `Step ${step}: ${[`${counted(sent, "email")} sent`, ...came].join(", ")}`;
}

/** From top to bottom: who is through with it, and why; below them the rest. An email may be two of these. */
function parts({ sent, answered, bounced, optedOut }: Step) {
  const rest = Math.max(0, sent - answered - bounced - optedOut);
  return [
    { name: "bounced", value: bounced, color: "var(--status-failed)" },
    { name: "optedOut", value: optedOut, color: "var(--status-cancelled)" },
    { name: "answered", value: answered, color: "var(--status-sent)" },
    { name: "rest", value: rest, color: "var(--status-scheduled)" },
  ];
}
