import { Button, Group, Text, TextInput } from "@mantine/core";
import { useId, useState } from "react";
import { placeholder } from "@/features/recipients/mergeFields";

interface Props {
  fields: readonly string[];
  onInsert: (text: string) => void;
}

/** Buttons that put a merge field where the caret is. */
export function MergeFields({ fields, onInsert }: Props) {
  const title = useId();
  const [fallback, setFallback] = useState("");
  return (
    <div>
      <Text size="sm" fw={500} id={title}>
        Merge fields
      </Text>
      <Group gap={6} mt={6} role="group" aria-labelledby={title}>
        {["email", ...fields].map((field) => (
          <Button
            key={field}
            size="compact-sm"
            variant="default"
            onClick={() => onInsert(placeholder(field, field === "email" ? "" : fallback))}
            aria-label={`Insert ${field}`}
          >
            {field}
          </Button>
        ))}
        {fields.length > 0 && (
          <TextInput
            size="xs"
            w={170}
            aria-label="Where a field is empty, write"
            placeholder="if empty, write …"
            value={fallback}
            onChange={(event) => setFallback(event.currentTarget.value)}
          />
        )}
      </Group>
      {fields.length === 0 && (
        <Text size="sm" c="dimmed" mt={4}>
          The columns of a CSV come here, and the names in “Ada &lt;ada@example.com&gt;”.
        </Text>
      )}
    </div>
  );
}
