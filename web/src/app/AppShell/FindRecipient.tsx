import { Kbd, TextInput } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import classes from "./AppShell.module.css";

/** To one recipient from anywhere; the key / leads here. */
export function FindRecipient() {
  const navigate = useNavigate();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  useHotkeys([["/", () => input.current?.focus()]]);
  return (
    <search>
      <form
        className={classes.find}
        onSubmit={(event) => {
          event.preventDefault();
          const email = text.trim();
          if (!email) return;
          setText("");
          void navigate({ to: "/recipients", search: { email } });
        }}
      >
        <TextInput
          ref={input}
          size="xs"
          aria-label="Find a recipient"
          placeholder="Find a recipient"
          type="search"
          autoComplete="off"
          spellCheck={false}
          maxLength={254}
          leftSection={<IconSearch size={15} aria-hidden />}
          rightSection={<Kbd size="xs">/</Kbd>}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      </form>
    </search>
  );
}
