/** Lists of recipients are uploaded and removed; what is kept about one recipient is handed out or erased. */

import { useQueryClient } from "@tanstack/react-query";
import { answer, api, request } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { changesOf } from "@/forms/changes";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { download } from "@/ui/download";
import type { Grown, MoreRecipients, Person, SavedList, StoredList } from "./queries";

export type Erased = components["schemas"]["Erased"];

export async function downloadAllOf({ email }: { email: string }): Promise<void> {
  const query = new URLSearchParams({ email });
  const response = await request(new Request(`/api/recipients/export?${query}`));
  const address = URL.createObjectURL(await response.blob());
  download(address, "recipient.json");
  URL.revokeObjectURL(address);
}

export function useErasure(done: (email: string, what: Erased) => void, failed: (error: Error) => void) {
  const queries = useQueryClient();
  const { run, pending } = useCommand({
    run: (email: string) => answer(api.POST("/api/recipients/erase", { body: { email } })),
    changes: [keys.ofWorkspace()], // they are named anywhere: also in replies, suppressions, what servers said
    done(what, email) {
      // Cached answers that are not shown may name them, and would be shown once more before they are read anew.
      queries.removeQueries({ type: "inactive" });
      done(email, what);
    },
    failed,
  });
  const ask = async (email: string) => {
    const sure = await confirm({
      title: `Erase ${email}?`,
      children:
        "The address, its fields and its messages go from all your campaigns, and what waits for it is cancelled. The counts stay. That cannot be undone.",
      confirm: "Erase for good",
    });
    if (sure) await run(email);
  };
  return { ask, pending };
}

/** Throws ApiProblem. */
export async function uploadFile(file: File, signal: AbortSignal, encoding?: string): Promise<StoredList> {
  const form = new FormData();
  form.append("file", file, file.name);
  if (encoding) form.append("encoding", encoding);
  const response = await request(new Request("/api/lists", { method: "POST", body: form, signal }));
  return response.json();
}

/** Throws ApiProblem. */
export function uploadRecipients(recipients: Person[]): Promise<StoredList> {
  return answer(api.POST("/api/lists", { body: { recipients } }));
}

/** Changes what in a list is another than it was `before`, or begins one where that is undefined. Throws ApiProblem. */
export function saveList(
  before: SavedList | undefined,
  about: { name: string; purpose: string; source: string },
): Promise<SavedList> {
  const body = {
    name: about.name.trim(),
    purpose: about.purpose.trim() || null,
    source: about.source.trim() || null,
  };
  if (!before) return answer(api.POST("/api/saved-lists", { body }));
  const { id, name, purpose, source } = before;
  const changes = changesOf({ name, purpose, source }, body);
  return answer(api.PATCH("/api/saved-lists/{id}", { params: { path: { id } }, body: changes }));
}

/** Adds recipients to a list. Throws ApiProblem. */
export function growList(id: number, more: MoreRecipients): Promise<Grown> {
  return answer(api.POST("/api/saved-lists/{id}/recipients", { params: { path: { id } }, body: more }));
}

/** Throws ApiProblem. */
export async function removeSavedList(id: number): Promise<void> {
  await answer(api.DELETE("/api/saved-lists/{id}", { params: { path: { id } } }));
}

/** Whether or not it is there still: what is not removed here goes by itself once it is unused. */
export async function removeList(id: number): Promise<void> {
  await answer(api.DELETE("/api/lists/{id}", { params: { path: { id } } })).catch(() => undefined);
}
