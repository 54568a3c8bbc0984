import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { ApiProblem } from "@/api/problem";
import { removeList, uploadRecipients } from "@/features/recipients/commands";
import { type Person, readRecipients } from "@/features/recipients/queries";
import { parseTyped, type TypedRecipient, typedText } from "@/features/recipients/typed";

const UPLOAD_MS = 600;

export interface Typed {
  text: string;
  recipients: readonly TypedRecipient[];
  /** The text is read from its list; nothing can be typed meanwhile. */
  isLoading: boolean;
  /** The typed addresses are kept as a list by now. */
  isSettled: boolean;
  /** The list that was typed before is no longer kept. */
  gone: boolean;
  error: unknown;
  write: (text: string) => void;
  /** Ends once what is typed is a list, or could not be made one: whether it is one. */
  settle: () => Promise<boolean>;
}

interface Known {
  list: number | null;
  print: string;
}

const NONE: Known = { list: null, print: "[]" };

const listed = (recipients: readonly TypedRecipient[]) =>
  recipients.map(({ email, name }): Person => (name ? { email, name } : { email }));

/**
 * Recipients as they are typed, made a list on the server after a pause in the typing; `keep` is told which, and says
 * whether the draft is here still. `list` is the one that the draft names: when it is not of this page's making, its
 * recipients are what is typed.
 */
export function useTyped(list: number | null, keep: (list: number | null) => boolean): Typed {
  const [text, setText] = useState("");
  const [known, setKnown] = useState<Known | null>(list === null ? NONE : null);
  const [gone, setGone] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const shown = useDeferredValue(text);
  const recipients = useMemo(() => parseTyped(shown), [shown]);

  const latest = useRef({ text, known });
  const become = useCallback((text: string, known: Known | null) => {
    latest.current = { text, known };
    setText(text);
    setKnown(known);
  }, []);

  useEffect(() => {
    if (list === (latest.current.known?.list ?? null) && latest.current.known) return;
    if (list === null) return become("", NONE);
    const abort = new AbortController();
    become("", null);
    const read = async () => {
      try {
        const people = await readRecipients(list, abort.signal);
        const text = typedText(people);
        become(text, { list, print: printOf(text) });
      } catch (failure) {
        if (abort.signal.aborted) return;
        const isGone = failure instanceof ApiProblem && failure.status === 404;
        become("", NONE);
        setGone(isGone);
        setError(isGone ? null : failure);
        if (isGone) keep(null);
      }
    };
    void read();
    return () => abort.abort();
  }, [list, become, keep]);

  const running = useRef<Promise<boolean> | null>(null);
  const upload = useCallback(async () => {
    for (;;) {
      const { text, known } = latest.current;
      const print = printOf(text);
      if (!known || known.print === print) return;
      const people = listed(parseTyped(text));
      const made = people.length > 0 ? (await uploadRecipients(people)).id : null;
      if (latest.current.known !== known) {
        // Another tab's draft has taken this one's place meanwhile.
        if (made !== null) void removeList(made);
        return;
      }
      become(latest.current.text, { list: made, print });
      if (!keep(made)) {
        if (made !== null) void removeList(made);
        return;
      }
      if (known.list !== null) void removeList(known.list);
    }
  }, [become, keep]);

  const settle = useCallback(async () => {
    running.current ??= upload()
      .then(
        () => {
          setError(null);
          return true;
        },
        (failure) => {
          setError(failure);
          return false;
        },
      )
      .finally(() => {
        running.current = null;
      });
    return running.current;
  }, [upload]);

  const isSettled = known !== null && shown === text && known.print === JSON.stringify(listed(recipients));
  useEffect(() => {
    if (isSettled || shown !== text || known === null) return;
    const timer = setTimeout(settle, UPLOAD_MS);
    return () => clearTimeout(timer);
  }, [isSettled, shown, text, known, settle]);

  const write = useCallback((next: string) => {
    latest.current = { ...latest.current, text: next };
    setText(next);
    setGone(false);
  }, []);

  return { text, recipients, isLoading: known === null, isSettled, gone, error, write, settle };
}

function printOf(text: string): string {
  return JSON.stringify(listed(parseTyped(text)));
}
