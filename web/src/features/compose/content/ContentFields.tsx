import { Button, Group, SegmentedControl, Skeleton, Stack, Text } from "@mantine/core";
import { useId, useRef } from "react";
import { LIMITS } from "@/api/constants";
import type { components } from "@/api/schema";
import { ChipField } from "@/features/richText/ChipField";
import { insertAt } from "@/features/richText/insertAt";
import { MergeFields } from "@/features/richText/MergeFields";
import { lazyPart } from "@/ui/lazyPart";
import { Part } from "@/ui/Part";
import type { Attached, Content } from "../draft/draft";
import type { Errors } from "../draft/errors";
import { BesideFields } from "./BesideFields";
import { LanguageField } from "./LanguageField";
import { withBody, withHtml, withKind, withTextOfHtml } from "./plainAndRich";

const RichBody = lazyPart(() => import("@/features/richText/RichBody"), "RichBody");

interface Props {
  content: Content;
  onChange: (part: Partial<Content>) => void;
  /** As for BesideFields. */
  onAttach?: ((file: Attached) => boolean) | undefined;
  /** The merge fields that there are. */
  fields: readonly string[];
  errors: Errors;
  /** Of a later step: no files and headers of its own go along, and in a thread it has no subject. */
  later?: { inThread: boolean };
  /** Files and copies stand with the step's own text. */
  isVariant?: boolean;
  /** Recipients who have nothing for fields of the text, and the way to them. */
  lacking?: readonly Lack[] | undefined;
  onShow?: (field: string) => void;
}

const { subject: SUBJECT, body: BODY } = LIMITS.CampaignPatch;

type Lack = components["schemas"]["Lack"];

/** The texts of an email: subject, plain text or rich text, merge fields put where the caret was last. */
export function ContentFields({
  content,
  onChange,
  onAttach,
  fields,
  errors,
  later,
  isVariant = false,
  lacking,
  onShow,
}: Props) {
  const kind = useId();
  const subject = useRef<HTMLInputElement>(null);
  const body = useRef<HTMLTextAreaElement>(null);
  const insertRich = useRef<((text: string) => void) | null>(null);
  const last = useRef<"subject" | "body" | "html" | null>(null);
  const main = content.rich ? "html" : "body";

  const insert = (text: string) => {
    const target = last.current ?? main;
    if (target === "html") return insertRich.current?.(text);
    const input = target === "subject" ? subject.current : body.current;
    if (!input) return insertRich.current?.(text);
    insertAt(input, text, (value) =>
      onChange(target === "subject" ? { subject: value } : withBody(content, value)),
    );
  };

  return (
    <Stack gap="md">
      {!later?.inThread && (
        <ChipField
          input={subject}
          label={later ? "Subject of the step" : "Subject"}
          most={SUBJECT.maxLength}
          value={content.subject}
          onFocus={() => {
            last.current = "subject";
          }}
          onText={(text) => onChange({ subject: text })}
          error={errors.subject}
        />
      )}
      <MergeFields fields={fields} onInsert={insert} lacking={lacking} onShow={onShow} />
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={500} id={kind}>
          Text
        </Text>
        <SegmentedControl
          size="xs"
          aria-labelledby={kind}
          data={[
            { value: "plain", label: "Plain text" },
            { value: "rich", label: "Rich text" },
          ]}
          value={content.rich ? "rich" : "plain"}
          onChange={(value) => {
            last.current = null;
            onChange(withKind(content, value === "rich"));
          }}
        />
      </Group>
      {content.rich && (
        <Part waiting={<Skeleton height={240} aria-label="Loading the editor" />}>
          <RichBody
            html={content.html}
            onChange={(html) => onChange(withHtml(content, html))}
            onFocus={() => {
              last.current = "html";
            }}
            insert={insertRich}
            pictures={!later && !isVariant}
            error={errors.html}
          />
        </Part>
      )}
      <ChipField
        input={body}
        label={content.rich ? "Plain text beside it" : later ? "Message of the step" : "Message"}
        description={
          content.rich
            ? "For readers who do not show rich text. It follows the rich text until you change it."
            : undefined
        }
        most={BODY.maxLength}
        lines={content.rich ? 4 : 9}
        value={content.body}
        onFocus={() => {
          last.current = "body";
        }}
        onText={(text) => onChange(withBody(content, text))}
        error={errors.body}
      />
      {!later && !isVariant && (
        <>
          <BesideFields content={content} onChange={onChange} onAttach={onAttach} errors={errors} />
          <LanguageField
            language={content.language}
            onChange={(language) => onChange({ language })}
            error={errors.language}
          />
        </>
      )}
      {content.rich && content.textEdited && (
        <Button
          variant="subtle"
          size="compact-sm"
          w="fit-content"
          onClick={() => onChange(withTextOfHtml(content))}
        >
          Make it from the rich text again
        </Button>
      )}
    </Stack>
  );
}
