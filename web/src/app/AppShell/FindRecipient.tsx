import { IconSearch } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef } from "react";
import classes from "./AppShell.module.css";

/** To one recipient from anywhere; the key / leads here. */
export function FindRecipient() {
  const navigate = useNavigate();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isBusy(event.target)) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
  const find = (event: FormEvent) => {
    event.preventDefault();
    const email = input.current?.value.trim();
    if (!email || !input.current) return;
    input.current.value = "";
    void navigate({ to: "/recipients", search: { email } });
  };
  return (
    <search className={classes.find}>
      <form onSubmit={find}>
        <IconSearch size={15} aria-hidden />
        <input
          ref={input}
          type="search"
          aria-label="Find a recipient"
          aria-keyshortcuts="/"
          placeholder="Find a recipient"
          autoComplete="off"
          spellCheck={false}
          maxLength={254}
        />
        <kbd aria-hidden>/</kbd>
      </form>
    </search>
  );
}

/** Whether keys are for what is being written, or for a question that waits. */
function isBusy(target: EventTarget | null): boolean {
  const at = target instanceof Element ? target : document.body;
  return (
    at.closest("input, textarea, select, [contenteditable]:not([contenteditable=false])") !== null ||
    document.querySelector('[role="dialog"]') !== null
  );
}
