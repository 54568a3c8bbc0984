import { Checkbox, Group, Select, Stack, Table, Text, TextInput } from "@mantine/core";
import { type Columns, columnErrors, withEmail } from "./columns";
import type { StoredList } from "./queries";

interface Props {
  csv: NonNullable<StoredList["csv"]>;
  columns: Columns;
  onChange: (columns: Columns) => void;
}

const ROWS = 4;

/** The column of the address, the names of the others, and how the first rows look with it. */
export function ColumnMapping({ csv, columns, onChange }: Props) {
  const errors = columnErrors(columns);
  const [header, ...others] = csv.first;
  const shown = columns.hasHeader ? others : csv.first;
  const nameOf = (column: number) =>
    (columns.hasHeader && header?.cells[column]?.trim()) || `Column ${column + 1}`;
  const candidates = csv.candidates ?? [];
  const rename = (column: number, name: string) =>
    onChange({ ...columns, fields: columns.fields.map((field, at) => (at === column ? name : field)) });
  return (
    <Stack gap="sm">
      <Group align="flex-end" gap="md">
        <Select
          label="Column with the addresses"
          data={columns.fields.map((_, column) => ({ value: `${column}`, label: nameOf(column) }))}
          value={`${columns.email}`}
          allowDeselect={false}
          onChange={(value) => value && onChange(withEmail(columns, Number(value)))}
        />
        <Checkbox
          label="The first row has names"
          mb={8}
          checked={columns.hasHeader}
          onChange={(event) => onChange({ ...columns, hasHeader: event.currentTarget.checked })}
        />
      </Group>
      {candidates.some(({ column }) => column !== columns.email) && (
        <Text size="sm" c="dimmed">
          Of the first rows, {candidates.map(({ name, addresses }) => `${addresses} in “${name}”`).join(", ")}{" "}
          have an address.
        </Text>
      )}
      <Table.ScrollContainer minWidth={Math.max(320, columns.fields.length * 150)} type="native">
        <Table fz="sm" verticalSpacing={6} horizontalSpacing="xs" withColumnBorders aria-label="Columns">
          <Table.Thead>
            <Table.Tr>
              {columns.fields.map((field, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place
                <Table.Th key={column} style={{ verticalAlign: "top" }}>
                  <Text size="sm" c="dimmed" truncate maw={200} title={nameOf(column)}>
                    {nameOf(column)}
                  </Text>
                  {column === columns.email ? (
                    <Text size="sm" fw={600} py={4}>
                      Address
                    </Text>
                  ) : (
                    <TextInput
                      size="xs"
                      aria-label={`Merge field of ${nameOf(column)}`}
                      placeholder="left out"
                      value={field}
                      onChange={(event) => rename(column, event.currentTarget.value)}
                      error={errors[column]}
                    />
                  )}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.slice(0, ROWS).map(({ row, cells }) => (
              <Table.Tr key={row}>
                {columns.fields.map((_, column) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place
                  <Table.Td key={column}>
                    <Text size="sm" truncate maw={200} title={cells[column]}>
                      {cells[column]}
                    </Text>
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="sm" c="dimmed">
        Names are those of the merge fields; a column without one is left out.
      </Text>
    </Stack>
  );
}
