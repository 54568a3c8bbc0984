import { Skeleton, Textarea } from "@mantine/core";
import { Suspense, useRef, useState } from "react";
import { lazyPart } from "@/ui/lazyPart";
import { isOfEditor } from "./richText";

const RichBody = lazyPart(() => import("./RichBody"), "RichBody");

interface Props {
  html: string;
  onChange: (html: string) => void;
  disabled: boolean;
  error: string | undefined;
}

/** HTML that is there already: in the editor, or as it is written where the editor would make something else of it. */
export function HtmlField({ html, onChange, disabled, error }: Props) {
  const insert = useRef<((text: string) => void) | null>(null);
  const [inEditor] = useState(() => !disabled && isOfEditor(html));
  if (!inEditor)
    return (
      <Textarea
        label="HTML"
        description={disabled ? undefined : "It was not written in the editor, which would change its looks."}
        autosize
        minRows={4}
        maxRows={16}
        disabled={disabled}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        value={html}
        onChange={(event) => onChange(event.currentTarget.value)}
        error={error}
      />
    );
  return (
    <Suspense fallback={<Skeleton height={240} aria-label="Loading the editor" />}>
      <RichBody
        html={html}
        onChange={onChange}
        onFocus={() => undefined}
        insert={insert}
        pictures
        error={error}
      />
    </Suspense>
  );
}
