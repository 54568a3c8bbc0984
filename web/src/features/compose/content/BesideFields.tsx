import "@mantine/dropzone/styles.layer.css";
import { ActionIcon, Button, Group, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconPaperclip, IconPlus, IconX } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { type KeptFile, sayThatItIsLeft, useHere, useUploads } from "@/features/richText/files";
import { FormFailure } from "@/forms/FormFailure";
import { bytes } from "@/ui/numbers";
import classes from "../compose.module.css";
import type { Attached, Content } from "../draft/draft";
import type { Errors } from "../draft/errors";

const MOST_COPIES = 5;
const MOST_HEADERS = 10;

interface Props {
  content: Content;
  onChange: (part: Partial<Content>) => void;
  /** A file has come, though the field may be shown no more. Whether it was taken; without it, it is the field's. */
  onAttach?: ((file: Attached) => boolean) | undefined;
  errors: Errors;
}

/** Fields beside the text: files, copies, the reply address, headers of one's own. */
export function BesideFields({ content, onChange, onAttach, errors }: Props) {
  const { replyTo, headers, cc, bcc } = content;
  const [shown, setShown] = useState(Boolean(replyTo || headers.length || cc.length || bcc.length));
  const hasErrors = Boolean(errors.replyTo || errors.cc || errors.bcc || errors.headers);
  const isOpen = shown || hasErrors;
  const header = (at: number, part: Partial<(typeof headers)[number]>) =>
    onChange({ headers: headers.map((each, number) => (number === at ? { ...each, ...part } : each)) });
  return (
    <Stack gap="md">
      <Attachments
        attachments={content.attachments}
        onChange={(attachments) => onChange({ attachments })}
        onAttach={onAttach}
        error={errors.attachments}
      />
      {!isOpen && (
        <Button variant="subtle" size="compact-sm" w="fit-content" onClick={() => setShown(true)}>
          Copies, Reply-To and headers
        </Button>
      )}
      {isOpen && (
        <>
          <TextInput
            label="Answers go to"
            description="Reply-To. Empty: to the mailbox itself, or where its settings say."
            type="email"
            value={replyTo}
            onChange={(event) => onChange({ replyTo: event.currentTarget.value })}
            error={errors.replyTo}
          />
          <TagsInput
            label="Cc"
            description="These get a copy of every email, and everybody sees it. Each copy counts toward limits."
            value={[...cc]}
            maxTags={MOST_COPIES - bcc.length}
            acceptValueOnBlur
            onChange={(value) => onChange({ cc: value })}
            error={errors.cc}
          />
          <TagsInput
            label="Bcc"
            description="The same, and nobody sees it."
            value={[...bcc]}
            maxTags={MOST_COPIES - cc.length}
            acceptValueOnBlur
            onChange={(value) => onChange({ bcc: value })}
            error={errors.bcc}
          />
          {headers.map(({ name, value }, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a header has no name of its own until it is typed
            <Group key={at} gap="xs" align="flex-end" wrap="nowrap">
              <TextInput
                label="Header"
                placeholder="X-Campaign"
                value={name}
                onChange={(event) => header(at, { name: event.currentTarget.value })}
              />
              <TextInput
                label="Value"
                flex={1}
                value={value}
                onChange={(event) => header(at, { value: event.currentTarget.value })}
              />
              <ActionIcon
                variant="subtle"
                color="gray"
                size="lg"
                aria-label={`Remove the header ${name}`}
                onClick={() => onChange({ headers: headers.filter((_, number) => number !== at) })}
              >
                <IconX size={16} aria-hidden />
              </ActionIcon>
            </Group>
          ))}
          <FormFailure text={errors.headers ?? null} />
          {headers.length < MOST_HEADERS && (
            <Button
              variant="subtle"
              size="compact-sm"
              w="fit-content"
              leftSection={<IconPlus size={14} aria-hidden />}
              onClick={() => onChange({ headers: [...headers, { name: "X-", value: "" }] })}
            >
              Add a header
            </Button>
          )}
        </>
      )}
    </Stack>
  );
}

interface AttachmentsProps {
  attachments: readonly Attached[];
  onChange: (attachments: readonly Attached[]) => void;
  onAttach: Props["onAttach"];
  error: string | undefined;
}

/** Files, chosen or dropped. */
function Attachments({ attachments, onChange, onAttach, error }: AttachmentsProps) {
  const open = useRef<() => void>(null);
  const uploads = useUploads();
  // Several may be on their way, and each comes to what is there by then.
  const there = useRef(attachments);
  there.current = attachments;
  const isHere = useHere();
  const put = (file: Attached): boolean => {
    if (onAttach) return onAttach(file);
    if (!isHere.current) return false;
    there.current = [...there.current, file];
    onChange(there.current);
    return true;
  };
  const add = async (files: File[]) => {
    for (const file of files) {
      const kept = await uploads.add(file);
      if (kept && !put(attached(kept))) sayThatItIsLeft(file);
    }
  };
  const size = attachments.reduce((sum, file) => sum + file.size, 0);
  return (
    <div>
      <Dropzone
        onDrop={(files) => void add(files)}
        openRef={open}
        activateOnClick={false}
        activateOnKeyboard={false}
        loading={uploads.pending}
        className={classes.attach ?? ""}
        inputProps={{ "aria-label": "Files to attach" }}
        role="group"
        aria-label="Drop files to attach here"
        tabIndex={-1}
      >
        <Group gap="xs">
          <IconPaperclip size={18} stroke={1.6} aria-hidden />
          <Text size="sm">
            {attachments.length > 0 ? `${bytes(size)} of 10 MB` : "Drop files here to attach them."}
          </Text>
          <Button
            variant="default"
            size="compact-sm"
            onClick={() => open.current?.()}
            style={{ pointerEvents: "all" }}
          >
            Attach a file
          </Button>
        </Group>
      </Dropzone>
      {attachments.length > 0 && (
        <ul className={classes.attached} aria-label="Attached files">
          {attachments.map((file) => (
            <li key={file.id}>
              <Group gap="xs" wrap="nowrap">
                <Text size="sm" truncate title={file.name}>
                  {file.name}
                </Text>
                <Text size="sm" c="dimmed" className="tabular">
                  {bytes(file.size)}
                </Text>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size="sm"
                  aria-label={`Remove ${file.name}`}
                  onClick={() => onChange(attachments.filter(({ id }) => id !== file.id))}
                >
                  <IconX size={14} aria-hidden />
                </ActionIcon>
              </Group>
              {file.warning && (
                <Text size="sm" role="status">
                  {file.warning}
                </Text>
              )}
            </li>
          ))}
        </ul>
      )}
      <FormFailure text={uploads.error ?? error ?? null} />
    </div>
  );
}

function attached({ id, name, size, warning }: KeptFile): Attached {
  return { id, name, size, warning };
}
