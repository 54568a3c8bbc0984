/** A form that is sent to the API: its state, its errors beside their fields, its one button. */

import { type FormValidateInput, useForm } from "@mantine/form";
import { useState } from "react";
import { focusFirstError, showProblem } from "./showProblem";

interface Options<Values extends Record<string, unknown>, Answer> {
  initialValues: Values;
  validate?: FormValidateInput<Values>;
  /** Throws an ApiProblem when it fails, as `answer(api.…)` does. */
  send: (values: Values) => Promise<Answer>;
  done: (answer: Answer, values: Values) => void | Promise<void>;
  /** The form's path for a field of the API, where it is another. */
  names?: Readonly<Record<string, string>>;
}

/**
 * `form` is uncontrolled: give each input `key={form.key("x")} {...form.getInputProps("x")}`. `submit` goes to the
 * form element's onSubmit, `failure` to a FormFailure, `pending` to the button's `loading`.
 */
export function useSubmit<Values extends Record<string, unknown>, Answer>(options: Options<Values, Answer>) {
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const form = useForm<Values>({
    mode: "uncontrolled",
    initialValues: options.initialValues,
    ...(options.validate && { validate: options.validate }),
  });

  const submit = form.onSubmit(
    async (values) => {
      setPending(true);
      setFailure(null);
      try {
        await options.done(await options.send(values), values);
      } catch (error) {
        setFailure(showProblem(form, error, options.names));
      } finally {
        setPending(false);
      }
    },
    (errors) => focusFirstError(form, errors),
  );
  return { form, submit, pending, failure };
}
