/** Lists of recipients are uploaded and removed. */

import { answer, api, request } from "@/api/client";
import type { Person, StoredList } from "./queries";

/** Throws ApiProblem. */
export async function uploadFile(file: File, signal: AbortSignal): Promise<StoredList> {
  const form = new FormData();
  form.append("file", file, file.name);
  const response = await request(new Request("/api/lists", { method: "POST", body: form, signal }));
  return response.json();
}

/** Throws ApiProblem. */
export function uploadRecipients(recipients: Person[]): Promise<StoredList> {
  return answer(api.POST("/api/lists", { body: { recipients } }));
}

/** Whether or not it is there still: what is not removed here goes by itself once it is unused. */
export async function removeList(id: number): Promise<void> {
  await answer(api.DELETE("/api/lists/{id}", { params: { path: { id } } })).catch(() => undefined);
}
