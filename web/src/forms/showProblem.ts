/** Between the API's problem details and Mantine's forms. */

import type { UseFormReturnType } from "@mantine/form";
import { ApiProblem, sentence } from "@/api/problem";

/**
 * Puts each field's error beside its field, focuses the first of them, and returns what belongs to no field, to be
 * shown over the form; null when every error has found its field.
 *
 * `names`: the form's path for a field of the API, where it is another.
 */
export function showProblem<Values extends Record<string, unknown>>(
  form: UseFormReturnType<Values>,
  error: unknown,
  names: Readonly<Record<string, string>> = {},
): string | null {
  const errors = error instanceof ApiProblem ? Object.entries(error.errors) : [];
  if (errors.length === 0) return sentence(error);
  const values = form.getValues();
  const placed: Record<string, string> = {};
  const left: string[] = [];
  for (const [field, detail] of errors) {
    const path = names[field] ?? field;
    if ((path.split(".")[0] ?? path) in values) placed[path] = sentence(new Error(detail));
    else left.push(sentence(new Error(`${field}: ${detail}`)));
  }
  form.setErrors(placed);
  focusFirstError(form, placed);
  return left.length > 0 ? left.join(" ") : null;
}

/** For `form.onSubmit(send, (errors) => focusFirstError(form, errors))`: in the order in which the page shows the fields. */
export function focusFirstError<Values extends Record<string, unknown>>(
  form: UseFormReturnType<Values>,
  errors: Readonly<Record<string, unknown>>,
): void {
  const nodes = Object.keys(errors)
    .map((path) => form.getInputNode(path))
    .filter((node): node is HTMLInputElement => node !== null);
  nodes.sort((a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  nodes[0]?.focus();
}
