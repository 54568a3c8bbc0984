import { ApiProblem } from "@/api/problem";

/** The errors of a failed request by the page's fields. */
export function fieldErrors(error: unknown): Record<string, string> {
  if (!(error instanceof ApiProblem)) return {};
  const { file, ...others } = error.errors;
  return file ? { ...others, recipients: file } : others;
}
