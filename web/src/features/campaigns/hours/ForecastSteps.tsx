import { Table, Text } from "@mantine/core";
import { count } from "@/ui/numbers";
import type { Forecast } from "../queries";
import { lateness } from "./totals";

type Step = NonNullable<Forecast["steps"]>[number];

const COLUMNS = ["Step", "Planned first", "Sent", "Get it no more", "Median deviation", "Worst deviation"];

/** Each step as planned first, "if nobody answers", beside what was sent: what cannot be compared is said. */
export function ForecastSteps({ steps }: { steps: readonly Step[] }) {
  return (
    <>
      <Text size="sm" c="dimmed" mt="lg">
        By step. The first plan has everybody get every step, as if nobody answered. Whoever answers, is
        stopped or is not reached gets no later step, so planned and sent differ by as many; deviations are of
        those who got it.
      </Text>
      <Table.ScrollContainer minWidth={560} type="native">
        <Table fz="sm" mt="xs" aria-label="Planned and sent by step" className="tabular">
          <Table.Thead>
            <Table.Tr>
              {COLUMNS.map((title) => (
                <Table.Th key={title}>{title}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {steps.map((step, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: several may be removed, and they have no other name
              <Table.Tr key={at}>
                <Table.Td>{step.step ?? "Removed since"}</Table.Td>
                <Table.Td>{step.planned > 0 ? count(step.planned) : "Came later"}</Table.Td>
                <Table.Td>{count(step.sent)}</Table.Td>
                <Table.Td>{step.step === null ? "–" : count(step.stopped)}</Table.Td>
                <Table.Td>{lateness(step.medianLateMs)}</Table.Td>
                <Table.Td>{lateness(step.worstLateMs)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  );
}
