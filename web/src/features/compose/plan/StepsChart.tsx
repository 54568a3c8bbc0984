import { Group, Stack, Table, Text } from "@mantine/core";
import { dayName } from "@/time/format";
import { Time } from "@/time/Time";
import { BarChart, highest } from "@/ui/BarChart";
import { count, counted } from "@/ui/numbers";
import type { Plan } from "../queries";
import { type StepDay, stepDays } from "./bars";

// From dark to light, as many as are told apart; behind them they begin anew.
const COLORS = ["petrol-8", "petrol-5", "petrol-3", "orange-6", "orange-3"].map(
  (color) => `var(--mantine-color-${color})`,
);

interface Props extends Pick<Plan, "days" | "timezone"> {
  steps: NonNullable<Plan["steps"]>;
}

/** How many emails of which step leave on which day, and when each step begins and ends, if nobody answers. */
export function StepsChart({ days, steps: its, timezone }: Props) {
  const { unit, bars } = stepDays(days);
  const data = bars.map(({ day, steps }) => ({
    id: day,
    title: `${name({ day, steps })}: ${steps
      .map((emails, step) => (emails > 0 ? `${count(emails)} of step ${step + 1}` : ""))
      .filter(Boolean)
      .join(", ")}`,
    parts: steps.map((value, step) => ({ name: `step ${step + 1}`, value, color: colorOf(step) })).reverse(),
  }));
  const most = count(highest(data));
  const ends = [...new Set([bars[0], bars.at(-1)].flatMap((bar) => (bar ? [name(bar)] : [])))];
  return (
    <Stack gap="sm">
      <figure style={{ margin: 0 }}>
        <Text component="figcaption" size="sm" c="dimmed" mb={4}>
          Emails by {unit} and step, if nobody answers, {timezone} time
        </Text>
        <BarChart
          label={`${counted(bars.length, unit)}, ${most} emails at most in one: ${data.map(({ title }) => title).join("; ")}`}
          bars={data}
          height={104}
          scale={most}
          axis={ends}
        />
      </figure>
      <Table fz="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Step</Table.Th>
            <Table.Th ta="end">Emails</Table.Th>
            <Table.Th>First</Table.Th>
            <Table.Th>Last</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {its.map(({ step, count: emails, firstAt, lastAt }) => (
            <Table.Tr key={step}>
              <Table.Td>
                <Group gap={6} wrap="nowrap">
                  <span
                    aria-hidden
                    style={{ width: 10, height: 10, borderRadius: 2, background: colorOf(step - 1) }}
                  />
                  {step}
                </Group>
              </Table.Td>
              <Table.Td ta="end" className="tabular">
                {count(emails)}
              </Table.Td>
              <Table.Td>{firstAt ? <Time value={firstAt} /> : "none"}</Table.Td>
              <Table.Td>{lastAt ? <Time value={lastAt} /> : "none"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}

function colorOf(step: number): string {
  return COLORS[step % COLORS.length] ?? "";
}

function name({ day }: StepDay): string {
  return dayName(new Date(`${day}T12:00`));
}
