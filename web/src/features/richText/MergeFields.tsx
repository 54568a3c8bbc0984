import { Button, Group, Text, TextInput } from "@mantine/core";
import { type ReactNode, useId, useState } from "react";
import type { components } from "@/api/schema";
import { placeholder } from "@/features/recipients/mergeFields";
import { counted } from "@/ui/numbers";

interface Props {
  fields: readonly string[];
  onInsert: (text: string) => void;
  disabled?: boolean;
  /** Said where there is none but the address. */
  none?: ReactNode;
  lacking?: ReadonlyArray<components["schemas"]["Lack"]> | undefined;
  onShow?: ((field: string) => void) | undefined;
}

const NONE = "The columns of a CSV come here, and the names in “Ada <ada@example.com>”.";

/** Buttons that put a merge field where the caret is. */
export function MergeFields({
  fields,
  onInsert,
  disabled = false,
  none = NONE,
  lacking = [],
  onShow,
}: Props) {
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
            disabled={disabled}
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
            disabled={disabled}
            value={fallback}
            onChange={(event) => setFallback(event.currentTarget.value)}
          />
        )}
      </Group>
      {lacking
        .filter(({ recipients }) => recipients > 0)
        .map(({ field, recipients }) => (
          <Text key={field} size="sm" c="dimmed" mt={4}>
            {counted(recipients, "recipient lacks", "recipients lack")} {field}
            {onShow && (
              <Button variant="subtle" size="compact-sm" ml={4} onClick={() => onShow(field)}>
                Show them
              </Button>
            )}
          </Text>
        ))}
      {fields.length === 0 && (
        <Text size="sm" c="dimmed" mt={4}>
          {none}
        </Text>
      )}
    </div>
  );
}
