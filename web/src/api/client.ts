/**
 * The one way to the API: typed by its own OpenAPI document, with the session's cookie, from our own origin.
 *
 * Every failure is thrown as an ApiProblem. When the session has expired, or is somebody else's by now, a request waits
 * until its person has logged in again in the dialog over the page, and is then sent again.
 */

import createClient from "openapi-fetch";
import { type ApiProblem, problemOf, unreachable } from "./problem";
import type { paths } from "./schema";
import { accountOf, type Lost, session, type User } from "./session";

/** Addresses whose refusal is an answer rather than the end of a session. */
const LOGIN = /^\/api\/auth\/(login|logout|register|reset)/;

const ACTING_AS = "ReachInbox-Acting-As";

/** Headers of a request in the name of somebody else than the page's; of null, whoever the cookie's session is. */
export const inNameOf = (user: User | null) => ({ [ACTING_AS]: user ? accountOf(user) : "" });

/** `fetch` with what is said above; for what the typed client cannot do, such as a file with its progress. */
export async function request(input: Request): Promise<Response> {
  const account = session.actingAs();
  if (account && !input.headers.has(ACTING_AS)) input.headers.set(ACTING_AS, account);
  for (let attempt = input; ; ) {
    const again = attempt.clone();
    const sentAfter = session.logins();
    const response = await send(attempt);
    if (response.ok) return response;
    const problem = await problemOf(response);
    const lost = LOGIN.test(new URL(input.url).pathname) ? null : lostBy(problem);
    // A request for the workspace that one has left is never sent again: no page waits for it.
    if (!lost || session.actingAs() !== account) throw problem;
    if (!(await session.lose(lost, sentAfter)) || session.actingAs() !== account) throw problem;
    attempt = again;
  }
}

function lostBy(problem: ApiProblem): Lost | null {
  if (problem.status === 401) return "expired";
  return problem.isOfAnotherAccount ? "taken" : null;
}

async function send(input: Request): Promise<Response> {
  try {
    return await fetch(input);
  } catch (error) {
    if (input.signal.aborted) throw error;
    throw unreachable();
  }
}

/** `path` for what the browser asks for by itself (a link, a frame, a stream): it says whose page this is. */
export function addressOf(path: string): string {
  const url = new URL(path, globalThis.location.origin);
  const account = session.actingAs();
  if (account) url.searchParams.set("actingAs", account);
  return url.pathname + url.search;
}

export const api = createClient<paths>({
  baseUrl: globalThis.location.origin,
  credentials: "same-origin",
  fetch: request,
});

/** The body of a successful answer: `await answer(api.GET("/api/auth/me"))`. */
export async function answer<T>(call: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data } = await call;
  return data as T; // failures were thrown, so what is missing is the body of a 204
}
