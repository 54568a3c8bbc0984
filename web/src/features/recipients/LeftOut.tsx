import { Button, Group, Table, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { saveText } from "@/ui/download";
import { count, counted } from "@/ui/numbers";
import { type LeftOutRow, leftOutCsv } from "./leftOutCsv";

interface Props {
  /** The first of them. */
  rows: readonly LeftOutRow[];
  total: number;
  /** Those that are not in `rows`: "2,120 duplicates". */
  unnamed?: readonly string[];
  rowWord: string;
  label?: string;
}

const SHOWN = 8;
const MOST = 200;

/** The recipients who are left out, and why. */
export function LeftOut({ rows, total, unnamed = [], rowWord, label = "Left out" }: Props) {
  const [all, setAll] = useState(false);
  if (rows.length === 0) return null;
  const shown = rows.slice(0, all ? MOST : SHOWN);
  return (
    <div>
      <Text size="sm" fw={500} mb={4}>
        {counted(total, "entry", "entries")} left out
      </Text>
      <Table.ScrollContainer
        minWidth={280}
        maxHeight={320}
        type="native"
        tabIndex={0}
        role="region"
        aria-label={label}
      >
        <Table fz="sm" verticalSpacing={6} horizontalSpacing="xs" aria-label={label}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={58}>{rowWord}</Table.Th>
              <Table.Th>Address</Table.Th>
              <Table.Th>Why</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map(({ row, email, reason }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a line can hold the same address twice
              <Table.Tr key={index}>
                <Table.Td className="tabular">{count(row)}</Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }}>
                  {email || (
                    <Text span c="dimmed" inherit>
                      empty
                    </Text>
                  )}
                </Table.Td>
                <Table.Td>{reason}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Group gap="xs" mt={4}>
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconDownload size={14} aria-hidden />}
          onClick={() => saveText(leftOutCsv(rows, unnamed), "left-out.csv", "text/csv")}
        >
          {rows.length < total ? `CSV of the first ${count(rows.length)}` : "CSV"}
        </Button>
        {rows.length > SHOWN && !all && (
          <Button variant="subtle" size="compact-sm" onClick={() => setAll(true)}>
            Show more
          </Button>
        )}
        {all && total > shown.length && (
          <Text size="sm" c="dimmed">
            And {count(total - shown.length)} more.
          </Text>
        )}
      </Group>
    </div>
  );
}
