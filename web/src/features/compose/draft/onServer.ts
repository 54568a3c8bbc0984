/** The workspace's drafts on the server, and which of them the one in this browser is. */

import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { ApiProblem } from "@/api/problem";
import { allPages, MOST } from "@/api/reading";
import type { components } from "@/api/schema";
import type { Draft } from "./draft";
import { placeOnServer } from "./place";

export type KeptDraft = components["schemas"]["KeptDraft"];

/** Of what the browser has: which draft, and which version of it was changed. */
export interface Begun {
  id: number;
  version: number;
  name: string;
}

export const draftsQuery = () =>
  queryOptions({
    queryKey: keys.drafts(),
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        answer(api.GET("/api/drafts", { params: { query: { limit: MOST, cursor } }, signal })),
      ),
  });

export const readDraft = (id: number) => answer(api.GET("/api/drafts/{id}", { params: { path: { id } } }));

export const removeDraft = (id: number) =>
  answer(api.DELETE("/api/drafts/{id}", { params: { path: { id } } }));

/** With `begun` the same draft anew. Throws what `isOld` knows when somebody else saved it meanwhile. */
export function saveDraft(draft: Draft, name: string, begun: Begun | null): Promise<KeptDraft> {
  const { typed, file } = draft.audience;
  const content = { ...draft, attempt: null } as unknown as Record<string, unknown>;
  const body = {
    name,
    content,
    lists: [typed, file].filter((list) => list !== null),
    files: filesIn(draft),
  };
  return answer(
    begun
      ? api.PUT("/api/drafts/{id}", {
          params: { path: { id: begun.id } },
          body: { ...body, version: begun.version },
        })
      : api.POST("/api/drafts", { body }),
  );
}

export function nameOf({ name, steps }: Draft): string {
  return (name.trim() || steps[0].content.subject.trim() || "Without a name").slice(0, 200);
}

/** Tells one content from another, in whatever order the server gives its parts. */
export function printOf(content: unknown): string {
  return JSON.stringify(content, (key, value) => {
    if (key === "attempt") return null; // which is this browser's alone
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

export const isOld = (error: unknown) =>
  error instanceof ApiProblem && error.type === "urn:reachinbox:problem:draft_changed";

/** Attachments, and pictures in the text. */
export function filesIn({ steps }: Draft): number[] {
  const attached = steps.flatMap(({ content }) => content.attachments.map(({ id }) => id));
  const shown = [...JSON.stringify(steps).matchAll(/\/api\/files\/(\d+)/g)].map(([, id]) => Number(id));
  return [...new Set([...attached, ...shown])];
}

export function begunAs(owner: string): Begun | null {
  try {
    const { id, version, name } = JSON.parse(localStorage.getItem(placeOnServer(owner)) ?? "null") ?? {};
    return typeof id === "number" && typeof version === "number" ? { id, version, name: `${name}` } : null;
  } catch {
    return null; // nothing that can be understood
  }
}

export function begin(owner: string, begun: Begun | null): void {
  try {
    if (begun) localStorage.setItem(placeOnServer(owner), JSON.stringify(begun));
    else localStorage.removeItem(placeOnServer(owner));
  } catch {
    // a browser that keeps nothing
  }
}
