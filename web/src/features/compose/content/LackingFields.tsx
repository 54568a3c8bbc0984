import { Alert, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import type { components } from "@/api/schema";
import { count, counted } from "@/ui/numbers";
import type { IfBlank } from "../draft/draft";

type Lack = components["schemas"]["Lack"];

interface Props {
  /** Of these recipients, once the API has looked at them. */
  lacking: readonly Lack[] | undefined;
  ifBlank: Readonly<Record<string, IfBlank>>;
  onChange: (ifBlank: Readonly<Record<string, IfBlank>>) => void;
  rowOf: (row: number) => number;
  rowWord: string;
  error: string | undefined;
}

const CHOICES: ReadonlyArray<{ value: IfBlank["do"]; label: string }> = [
  { value: "leave_out", label: "Leave them out" },
  { value: "write", label: "Write instead" },
  { value: "send", label: "Send as it is" },
];

/** The fields of the text that recipients have nothing for, and what is to be done about it. */
export function LackingFields({ lacking, ifBlank, onChange, rowOf, rowWord, error }: Props) {
  const asked = lacking?.filter(({ required, field }) => required || field in ifBlank) ?? [];
  if (asked.length === 0) return null;
  return (
    <Alert color="orange" mt="md" title="Some recipients lack what the text needs" role="group">
      <Stack gap="sm">
        {asked.map((lack) => (
          <Decision
            key={lack.field}
            lack={lack}
            decision={ifBlank[lack.field] ?? { do: "leave_out", text: "" }}
            rows={lack.rows.map((row) => count(rowOf(row))).join(", ")}
            rowWord={rowWord}
            onChange={(decision) => onChange({ ...ifBlank, [lack.field]: decision })}
          />
        ))}
        {error && <Text c="var(--mantine-color-error)">{error}</Text>}
      </Stack>
    </Alert>
  );
}

interface DecisionProps {
  lack: Lack;
  decision: IfBlank;
  rows: string;
  rowWord: string;
  onChange: (decision: IfBlank) => void;
}

function Decision({ lack, decision, rows, rowWord, onChange }: DecisionProps) {
  const { field, recipients } = lack;
  const more = recipients > lack.rows.length ? ", …" : "";
  return (
    <div>
      <Text size="sm" id={`lack-${field}`}>
        {counted(recipients, "recipient has", "recipients have")} no <strong>{field}</strong> ({rowWord}{" "}
        {rows}
        {more}).
      </Text>
      <Group gap="xs" mt={4} role="group" aria-labelledby={`lack-${field}`}>
        <Select
          size="xs"
          w={160}
          aria-label={`Without ${field}`}
          data={CHOICES}
          value={decision.do}
          allowDeselect={false}
          onChange={(value) => value && onChange({ do: value as IfBlank["do"], text: "" })}
        />
        {decision.do === "write" && (
          <TextInput
            size="xs"
            aria-label={`Instead of ${field}`}
            placeholder="What to write"
            value={decision.text}
            onChange={(event) => onChange({ do: "write", text: event.currentTarget.value })}
          />
        )}
      </Group>
    </div>
  );
}
