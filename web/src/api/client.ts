/**
 * The one way to the API: typed by its own OpenAPI document, with the session's cookie, from our own origin.
 *
 * Every failure is thrown as an ApiProblem. When the session has expired, a request waits until its person has logged in
 * again in the dialog over the page, and is then sent again.
 */

import createClient from "openapi-fetch";
import { problemOf, unreachable } from "./problem";
import type { paths } from "./schema";
import { session } from "./session";

/** Addresses whose 401 is an answer rather than the end of a session. */
const LOGIN = /^\/api\/auth\/(login|logout|register|reset)/;

/** `fetch` with what is said above; for what the typed client cannot do, such as a file with its progress. */
export async function request(input: Request): Promise<Response> {
  const again = input.clone();
  let response = await send(input);
  if (response.status === 401 && !LOGIN.test(new URL(input.url).pathname) && (await session.expire())) {
    response = await send(again);
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function send(input: Request): Promise<Response> {
  try {
    return await fetch(input);
  } catch (error) {
    if (input.signal.aborted) throw error;
    throw unreachable();
  }
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
