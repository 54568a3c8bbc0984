import type { UseFormReturnType } from "@mantine/form";
import { useEffectEvent, useLayoutEffect, useRef, useState } from "react";

interface Submitted<Values extends Record<string, unknown>> {
  form: UseFormReturnType<Values>;
  /** What was saved last from here. */
  lastSent: () => Values | null;
}

/** The API takes blanks around a text away. */
const printOf = (values: object | null) =>
  JSON.stringify(values, (_, value) => (typeof value === "string" ? value.trim() : value));

/**
 * Keeps a form that stands on a page at what the `server` has, as long as nobody has changed it here. Returns whether
 * the server has something else by now than what was changed here: to be told, for saving writes over it.
 */
export function useFollowing<Values extends Record<string, unknown>>(
  { form, lastSent }: Submitted<Values>,
  server: Values,
): boolean {
  const print = printOf(server);
  const [begun, setBegun] = useState(print);
  const heard = useRef(print);
  /** What was saved here and has been seen there: it says nothing of what the server has later. */
  const settled = useRef<Values | null>(null);
  const follow = useEffectEvent(() => {
    const isNews = print !== heard.current;
    heard.current = print;
    if (print === begun) return;
    // What was saved here comes back, though somebody may be typing on.
    const last = lastSent();
    const sent = last === settled.current ? null : printOf(last);
    const typed = printOf(form.getValues());
    if (print !== typed && print !== sent) {
      const isChanged = typed !== printOf(form.getInitialValues());
      // What was just saved is not there yet, until the server says something new.
      if (isChanged || (!isNews && sent !== begun && sent === typed)) return;
      form.setValues(server);
    }
    form.resetDirty(print === typed ? form.getValues() : server); // blanks that the API takes away are no change
    settled.current = last;
    setBegun(print);
  });
  // Also as what is typed becomes what it was, or is saved; before it is painted, or the alert would flash.
  useLayoutEffect(() => follow());
  return print !== begun;
}
