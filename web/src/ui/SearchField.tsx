import { CloseButton, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";

interface Props {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
  /** On Enter, with what is there. */
  onEnter?: (value: string) => void;
  className?: string | undefined;
  /** It has the focus as it comes. */
  autoFocus?: boolean;
}

/** A list's search words; told when nothing more has been typed for a moment. */
export function SearchField({ label, value, onChange, onEnter, className, autoFocus = false }: Props) {
  const [text, setText] = useState(value ?? "");
  const input = useRef<HTMLInputElement>(null);
  const later = useDebouncedCallback((text: string) => onChange(text.trim() || undefined), 300);
  // From elsewhere, as by "Clear the filters" or the browser's back; what is being typed is never taken away.
  useEffect(() => {
    if (document.activeElement !== input.current) setText(value ?? "");
  }, [value]);
  const change = (text: string) => {
    setText(text);
    later(text);
  };
  return (
    <TextInput
      ref={input}
      autoFocus={autoFocus}
      {...(className && { className })}
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={
        text && (
          <CloseButton
            size="sm"
            aria-label="Clear the search"
            onClick={() => {
              change("");
              input.current?.focus();
            }}
          />
        )
      }
      maxLength={200}
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
      onKeyDown={(event) => {
        const entered = text.trim();
        if (!onEnter || event.key !== "Enter" || event.nativeEvent.isComposing || !entered) return;
        later.cancel();
        onEnter(entered);
      }}
    />
  );
}
