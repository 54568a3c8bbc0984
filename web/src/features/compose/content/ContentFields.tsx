import { Button, Group, SegmentedControl, Skeleton, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { lazy, Suspense, useRef } from "react";
import type { Draft } from "../draft/draft";
import { MergeFields } from "./MergeFields";
import { htmlOf, textOf } from "./richText";

const RichBody = lazy(() => import("./RichBody").then(({ RichBody }) => ({ default: RichBody })));

interface Props {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  fields: readonly string[];
  errors: Readonly<Record<string, string>>;
}

/** What the emails say: subject, plain text or rich text, merge fields put where the caret was last. */
export function ContentFields({ draft, change, fields, errors }: Props) {
  const subject = useRef<HTMLInputElement>(null);
  const body = useRef<HTMLTextAreaElement>(null);
  const insertRich = useRef<((text: string) => void) | null>(null);
  const last = useRef<"subject" | "body" | "html" | null>(null);
  const main = draft.rich ? "html" : "body";

  const insert = (text: string) => {
    const target = last.current ?? main;
    if (target === "html") return insertRich.current?.(text);
    const input = target === "subject" ? subject.current : body.current;
    if (!input) return insertRich.current?.(text);
    const start = input.selectionStart ?? input.value.length;
    const value = input.value.slice(0, start) + text + input.value.slice(input.selectionEnd ?? start);
    change(target === "subject" ? { subject: value } : { body: value, textEdited: draft.rich });
    requestAnimationFrame(() => {
      input.focus();
      input.setSelectionRange(start + text.length, start + text.length);
    });
  };

  const choose = (rich: boolean) => {
    last.current = null;
    change(rich && !draft.html ? { rich, html: htmlOf(draft.body), textEdited: false } : { rich });
  };

  return (
    <Stack gap="md">
      <TextInput
        label="Campaign name"
        description="For your lists alone. Without one the subject is used."
        value={draft.name}
        maxLength={200}
        onChange={(event) => change({ name: event.currentTarget.value })}
        error={errors.name}
      />
      <TextInput
        ref={subject}
        label="Subject"
        value={draft.subject}
        onFocus={() => {
          last.current = "subject";
        }}
        onChange={(event) => change({ subject: event.currentTarget.value })}
        error={errors.subject}
      />
      <MergeFields fields={fields} onInsert={insert} />
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={500} id="text-kind">
          Text
        </Text>
        <SegmentedControl
          size="xs"
          aria-labelledby="text-kind"
          data={[
            { value: "plain", label: "Plain text" },
            { value: "rich", label: "Rich text" },
          ]}
          value={draft.rich ? "rich" : "plain"}
          onChange={(value) => choose(value === "rich")}
        />
      </Group>
      {draft.rich && (
        <Suspense fallback={<Skeleton height={240} aria-label="Loading the editor" />}>
          <RichBody
            html={draft.html}
            onChange={(html) => change(draft.textEdited ? { html } : { html, body: textOf(html) })}
            onFocus={() => {
              last.current = "html";
            }}
            insert={insertRich}
            error={errors.bodyHtml}
          />
        </Suspense>
      )}
      <Textarea
        ref={body}
        label={draft.rich ? "Plain text beside it" : "Message"}
        description={
          draft.rich
            ? "For readers who do not show rich text. It follows the rich text until you change it."
            : undefined
        }
        autosize
        minRows={draft.rich ? 4 : 9}
        maxRows={20}
        value={draft.body}
        onFocus={() => {
          last.current = "body";
        }}
        onChange={(event) => change({ body: event.currentTarget.value, textEdited: draft.rich })}
        error={errors.body}
      />
      {draft.rich && draft.textEdited && (
        <Button
          variant="subtle"
          size="compact-sm"
          w="fit-content"
          onClick={() => change({ textEdited: false, body: textOf(draft.html) })}
        >
          Make it from the rich text again
        </Button>
      )}
    </Stack>
  );
}
