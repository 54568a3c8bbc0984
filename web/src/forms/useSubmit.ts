/** A form that is sent to the API: its state, its errors beside their fields, its one button. */

import { type FormValidateInput, useForm } from "@mantine/form";
import type { QueryKey } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { focusFirstError, showProblem } from "./showProblem";
import { useCommand } from "./useCommand";

interface Options<Values extends Record<string, unknown>, Answer> {
  initialValues: Values;
  validate?: FormValidateInput<Values>;
  /** Throws an ApiProblem when it fails, as `answer(api.…)` does. */
  send: (values: Values) => Promise<Answer>;
  /** As for `useCommand`. */
  changes?: readonly QueryKey[];
  done?: (answer: Answer, values: Values) => unknown;
  said?: (answer: Answer, values: Values) => string;
  /** The form's path for a field of the API, where it is another. */
  names?: Readonly<Record<string, string>>;
}

/**
 * `form` is uncontrolled: give each input `key={form.key("x")} {...form.getInputProps("x")}`. `submit` goes to the
 * form element's onSubmit, `failure` to a FormFailure, `error` is what it comes from, `pending` to the button's `loading`, `isDirty` to useUnsaved: it
 * compares with what was sent last, where something was.
 */
export function useSubmit<Values extends Record<string, unknown>, Answer>(options: Options<Values, Answer>) {
  const sent = useRef<Values | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const form = useForm<Values>({
    mode: "uncontrolled",
    initialValues: options.initialValues,
    ...(options.validate && { validate: options.validate }),
  });
  const { run, pending, error } = useCommand({
    run: options.send,
    changes: options.changes ?? [],
    done(answer, values) {
      sent.current = { ...values };
      form.resetDirty(values);
      return options.done?.(answer, values);
    },
    said: options.said,
    failed: (error) => setFailure(showProblem(form, error, options.names)),
  });
  const submit = form.onSubmit(
    async (values) => {
      setFailure(null);
      await run(values);
    },
    (errors) => focusFirstError(form, errors),
  );
  const isDirty = () => form.isDirty();
  return { form, submit, pending, failure, error, isDirty, lastSent: () => sent.current };
}
