import { ActionIcon, CopyButton, Group, Textarea, TextInput, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";

interface Props {
  label: string;
  value: string;
  description?: string;
  /** A program to be run rather than a word. */
  lines?: number;
}

/** A text that is only to be copied: by its button, or by hand, since focus selects all of it. */
export function CopyField({ label, value, description, lines }: Props) {
  const field = {
    label,
    description,
    value,
    readOnly: true,
    spellCheck: false,
    styles: { input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: "0.8125rem" } },
  };
  return (
    <Group gap="xs" wrap="nowrap" align="flex-end">
      {lines ? (
        <Textarea {...field} flex={1} rows={lines} onFocus={(event) => event.currentTarget.select()} />
      ) : (
        <TextInput {...field} flex={1} onFocus={(event) => event.currentTarget.select()} />
      )}
      <CopyButton value={value} timeout={2000}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? "Copied" : "Copy"}>
            <ActionIcon
              size={36}
              variant={copied ? "light" : "default"}
              onClick={copy}
              aria-label={copied ? `${label}: copied` : `Copy: ${label}`}
            >
              {copied ? <IconCheck size={17} aria-hidden /> : <IconCopy size={17} aria-hidden />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  );
}
