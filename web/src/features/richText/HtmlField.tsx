import { Skeleton, Textarea } from "@mantine/core";
import { type RefObject, useEffect, useRef, useState } from "react";
import { LIMITS } from "@/api/constants";
import { lazyPart } from "@/ui/lazyPart";
import { Part } from "@/ui/Part";
import { insertAt } from "./insertAt";
import { isOfEditor } from "./richText";
import { useRoom } from "./room";

const RichBody = lazyPart(() => import("./RichBody"), "RichBody");

interface Props {
  html: string;
  onChange: (html: string) => void;
  onFocus: () => void;
  /** Is given what puts a text where the caret is. */
  insert: RefObject<((text: string) => void) | null>;
  disabled: boolean;
  error: string | undefined;
}

/** HTML that is there already: in the editor, or as it is written where the editor would make something else of it. */
export function HtmlField({ html, onChange, onFocus, insert, disabled, error }: Props) {
  const written = useRef<HTMLTextAreaElement>(null);
  const room = useRoom(LIMITS.CampaignPatch.bodyHtml.maxLength);
  const [inEditor] = useState(() => !disabled && isOfEditor(html));
  useEffect(() => {
    if (inEditor) return; // the editor gives its own
    insert.current = (text) => written.current && insertAt(written.current, text, onChange);
  }, [inEditor, insert, onChange]);
  if (!inEditor)
    return (
      <Textarea
        ref={written}
        onFocus={onFocus}
        label="HTML"
        description={disabled ? undefined : "It was not written in the editor, which would change its looks."}
        autosize
        minRows={4}
        maxRows={16}
        disabled={disabled}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        value={html}
        onChange={(event) => onChange(event.currentTarget.value)}
        {...room.on}
        error={room.refused ?? error}
      />
    );
  return (
    <Part waiting={<Skeleton height={240} aria-label="Loading the editor" />}>
      <RichBody html={html} onChange={onChange} onFocus={onFocus} insert={insert} pictures error={error} />
    </Part>
  );
}
