/** Failures as the API says them: RFC 9457 problem details. */

import type { components } from "./schema";

type Problem = components["schemas"]["Problem"];
export type Rejected = components["schemas"]["Rejected"];

/** `errors` has a sentence for each wrong field, `status` 0 means that no answer came at all. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";

  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly errors: Readonly<Record<string, string>> = {},
    readonly rejected: readonly Rejected[] = [],
    readonly type = "about:blank",
  ) {
    super(detail);
  }

  /** The cookie's session is not that of whom the request named. */
  get isOfAnotherAccount(): boolean {
    return this.type === "urn:reachinbox:problem:another_account";
  }
}

/** The problem (RFC 9457) of an answer that is no success. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const body = await bodyOf(response);
  if (!body) {
    const detail = "The server's answer was not understood. Something between you and it may have failed.";
    return new ApiProblem(response.status, response.statusText || "Failed", detail);
  }
  const errors = Object.fromEntries((body.errors ?? []).map((error) => [error.field, error.detail]));
  return new ApiProblem(body.status, body.title, body.detail, errors, body.rejected, body.type);
}

async function bodyOf(response: Response): Promise<Problem | null> {
  if (!response.headers.get("content-type")?.startsWith("application/problem+json")) return null;
  try {
    return (await response.json()) as Problem;
  } catch {
    return null; // cut off on its way
  }
}

export function unreachable(): ApiProblem {
  return new ApiProblem(
    0,
    "No connection",
    "The server does not answer. Check the connection and try again.",
  );
}

/** A sentence for people, with a capital and a full stop, whatever was thrown. */
export function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const trimmed = text.trim() || "something went wrong";
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}
