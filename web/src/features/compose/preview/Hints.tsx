import { Alert, List, Text } from "@mantine/core";
import type { components } from "@/api/schema";
import { counted } from "@/ui/numbers";

interface Props {
  hints: ReadonlyArray<components["schemas"]["Hint"]> | undefined;
  /** Of how many recipients the subject has a line break. */
  inOneLine: number;
  title?: string;
}

const PARTS: Readonly<Record<string, string>> = { subject: "Subject", body: "Text", bodyHtml: "Rich text" };

/** A part as people call it; `steps[0].body` is the text of the second step. */
function nameOf(part: string) {
  const [, number, of = part] = /^steps\[(\d+)\]\.(.+)$/.exec(part) ?? [];
  const name = PARTS[of] ?? of;
  return number === undefined ? name : `Step ${Number(number) + 2}, ${name.toLowerCase()}`;
}

/** Hints about what receivers may dislike in the message, and why. */
export function Hints({ hints = [], inOneLine, title = "Before you send" }: Props) {
  if (hints.length === 0 && inOneLine === 0) return null;
  return (
    <Alert color="orange" mt="md" title={title} role="status">
      <List size="sm" spacing={6}>
        {inOneLine > 0 && (
          <List.Item>
            <Text inherit>
              Subject: {counted(inOneLine, "recipient has", "recipients have")} a value of several lines,
              which are written as one.
            </Text>
          </List.Item>
        )}
        {hints.map(({ part, found, reason }) => (
          <List.Item key={`${part} ${found}`}>
            <Text inherit>
              {nameOf(part)}: {found}
            </Text>
            <Text inherit c="dimmed">
              {reason}
            </Text>
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
