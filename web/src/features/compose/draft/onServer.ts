/** The workspace's drafts on the server, and which of them the one in this browser is. */

import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { ApiProblem } from "@/api/problem";
import { allPages, MOST } from "@/api/reading";
import type { components } from "@/api/schema";
import { asName } from "../asName";
import { fingerprint } from "../sending/attempt";
import type { Begun } from "./begun";
import type { Draft } from "./draft";

export type KeptDraft = components["schemas"]["KeptDraft"];

export const draftsQuery = () =>
  queryOptions({
    queryKey: keys.drafts(),
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        answer(api.GET("/api/drafts", { params: { query: { limit: MOST, cursor } }, signal })),
      ),
  });

export const readDraft = (id: number) => answer(api.GET("/api/drafts/{id}", { params: { path: { id } } }));

/** The `version` that was seen. Throws what `isOld` knows when it is another by now. */
export const removeDraft = (id: number, version: number) =>
  answer(api.DELETE("/api/drafts/{id}", { params: { path: { id }, query: { version } } }));

/** With `begun` the same draft anew. Throws what `isOld` knows when somebody else saved it meanwhile. */
export function saveDraft(
  draft: Draft,
  name: string,
  begun: Pick<Begun, "id" | "version"> | null,
): Promise<KeptDraft> {
  const { typed, file } = draft.audience;
  const content = { ...draft, attempt: null, keptAs: undefined, identity: undefined } as unknown as Record<
    string,
    unknown
  >;
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
  return asName(name.trim() || steps[0].content.subject.trim() || "Without a name");
}

/** Tells one content from another, in whatever order the server gives its parts. */
export function printOf(content: object): string {
  const shared = { ...content, attempt: undefined, keptAs: undefined, identity: undefined }; // these are this browser's alone
  return JSON.stringify(shared, (_, value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Short, for the browser has little room. */
export const markOf = (content: object): string => fingerprint(printOf(content));

/**
 * Whether what is there may be written over with `mine`, or removed with it: it is what the draft here began with, or
 * what this browser has sent, or the same.
 */
export function isOurs({ version, content }: KeptDraft, begun: Begun, mine: Draft): boolean {
  if (version === begun.version || printOf(content) === printOf(mine)) return true;
  return version === begun.version + 1 && begun.sent.includes(markOf(content));
}

export const isOld = (error: unknown) =>
  error instanceof ApiProblem && error.type === "urn:reachinbox:problem:draft_changed";

/** Attachments, and pictures in the text. */
export function filesIn({ steps }: Draft): number[] {
  const attached = steps.flatMap(({ content }) => content.attachments.map(({ id }) => id));
  const shown = [...JSON.stringify(steps).matchAll(/\/api\/files\/(\d+)/g)].map(([, id]) => Number(id));
  return [...new Set([...attached, ...shown])];
}
