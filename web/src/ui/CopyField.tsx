import { ActionIcon, Group, Textarea, TextInput, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";

const SHOWN_MS = 2_000;

interface Props {
  label: string;
  value: string;
  description?: string;
  /** A program to be run rather than a word. */
  lines?: number;
}

/** A text that is only to be copied: by its button, or by hand, since focus selects all of it. */
export function CopyField({ label, value, description, lines }: Props) {
  const input = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    input.current?.select();
    setCopied(await copyText(value));
  };
  const field = {
    ref: input,
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
    </Group>
  );
}

/** Whether it was done. On plain HTTP there is no clipboard, but what is selected can be copied. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
