import { Group, Text, Textarea, TextInput } from "@mantine/core";
import { type RefObject, useLayoutEffect, useRef, useState } from "react";
import { chipAt, chipsIn, withFallback, withoutChip } from "./chips";
import classes from "./chips.module.css";
import { useRoom } from "./room";

interface Props {
  input: RefObject<HTMLInputElement | HTMLTextAreaElement | null>;
  label: string;
  description?: string | undefined;
  /** Characters. */
  most: number;
  /** At least so many, and it grows; none: one line. */
  lines?: number;
  value: string;
  onText: (text: string) => void;
  onFocus?: () => void;
  error: string | undefined;
  disabled?: boolean;
  /** By which a form finds it. */
  "data-path"?: string;
}

const COPIED = ["font", "letterSpacing", "lineHeight", "padding", "border", "textIndent", "tabSize"] as const;

/** Text in which merge fields are chips: each has a ground of its own, goes by one key, and has its default beside it. */
export function ChipField({
  input,
  label,
  description,
  most,
  lines,
  value,
  onText,
  onFocus,
  error,
  disabled = false,
  "data-path": path,
}: Props) {
  const behind = useRef<HTMLDivElement>(null);
  const [caret, setCaret] = useState<number | null>(null);
  const room = useRoom(most);
  const chip = caret === null ? null : chipAt(value, caret);
  const put = (changed: { text: string; caret: number }) => {
    onText(changed.text);
    setCaret(changed.caret);
    requestAnimationFrame(() => input.current?.setSelectionRange(changed.caret, changed.caret));
  };
  useLayoutEffect(() => {
    if (!input.current || !behind.current) return;
    const style = getComputedStyle(input.current);
    for (const name of COPIED) behind.current.style[name] = style[name];
    behind.current.style.borderColor = "transparent";
  }, [input]);
  const shared = {
    label,
    description,
    value,
    error: room.refused ?? error,
    onFocus,
    disabled,
    ...room.on,
    "data-path": path,
    inputContainer: (children: React.ReactNode) => (
      <div className={classes.field}>
        <div ref={behind} className={classes.behind} data-lines={lines ? true : undefined} aria-hidden>
          <Copy text={value} />
        </div>
        {children}
      </div>
    ),
    classNames: { input: classes.input ?? "" },
    onChange: (event: React.ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) => {
      setCaret(event.currentTarget.selectionStart);
      onText(event.currentTarget.value);
    },
    onSelect: (event: React.SyntheticEvent<HTMLInputElement | HTMLTextAreaElement>) =>
      setCaret(event.currentTarget.selectionStart),
    onScroll: ({ currentTarget }: React.UIEvent<HTMLInputElement | HTMLTextAreaElement>) =>
      behind.current?.scrollTo(currentTarget.scrollLeft, currentTarget.scrollTop),
    onKeyDown: (event: React.KeyboardEvent<HTMLInputElement | HTMLTextAreaElement>) => {
      const { selectionStart, selectionEnd } = event.currentTarget;
      if (selectionStart === null || selectionStart !== selectionEnd) return;
      const changed = withoutChip(value, selectionStart, event.key);
      if (!changed) return;
      event.preventDefault();
      put(changed);
    },
  };
  return (
    <div>
      {lines ? (
        <Textarea
          ref={input as RefObject<HTMLTextAreaElement>}
          autosize
          minRows={lines}
          maxRows={20}
          {...shared}
        />
      ) : (
        <TextInput ref={input as RefObject<HTMLInputElement>} {...shared} />
      )}
      {chip?.field && chip.field !== "email" && (
        <Group gap="xs" mt={6} role="group" aria-label={`Merge field ${chip.field}`}>
          <Text size="sm">
            Where <strong>{chip.field}</strong> is empty, write
          </Text>
          <TextInput
            size="xs"
            w={200}
            aria-label={`If ${chip.field} is empty, write`}
            placeholder="nothing: who lacks it is left out"
            value={chip.fallback}
            onChange={(event) => {
              const changed = withFallback(value, chip, event.currentTarget.value);
              onText(changed.text);
              setCaret(changed.caret);
            }}
          />
        </Group>
      )}
    </div>
  );
}

/** The text once more, for what lies behind its merge fields. */
function Copy({ text }: { text: string }) {
  let at = 0;
  const parts = chipsIn(text).flatMap(({ start, end }) => {
    const before = text.slice(at, start);
    at = end;
    return [
      before,
      <span key={start} className={classes.chip}>
        {text.slice(start, end)}
      </span>,
    ];
  });
  return (
    <>
      {parts}
      {text.slice(at)}
      {"\n"}
    </>
  );
}
