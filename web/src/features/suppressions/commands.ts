/** Addresses and domains are suppressed, and allowed again with a word why. */

import { answer, api, request } from "@/api/client";
import { keys } from "@/api/keys";
import { ApiProblem } from "@/api/problem";
import type { components } from "@/api/schema";
import { useCommand } from "@/forms/useCommand";
import { instantOfInput } from "@/time/days";
import { confirm } from "@/ui/confirm";
import { counted } from "@/ui/numbers";
import type { Suppression } from "./queries";
import { typedNames } from "./words";

export type Added = components["schemas"]["Added"];

/** Queries that a suppression, or the end of one, changes: emails that waited for them are cancelled. */
export const changedBySuppressing = () => [
  keys.suppressions.all(),
  keys.recipients.all(),
  keys.emails.all(),
  keys.campaigns.all(),
  keys.stats.all(),
  keys.draft.all(),
];

/** Suppress the typed names. Throws ApiProblem, which names what is neither address nor domain. */
export async function suppressTyped(text: string, note: string): Promise<Added> {
  const typed = typedNames(text);
  try {
    return await answer(
      api.POST("/api/suppressions", { body: { ...typed, reason: "MANUAL", note: note.trim() || null } }),
    );
  } catch (error) {
    throw error instanceof ApiProblem ? named(error, typed) : error;
  }
}

/** The API says the place of what is wrong in its list, and people the name. */
function named(problem: ApiProblem, typed: Record<string, string[]>): ApiProblem {
  const wrong = Object.entries(problem.errors).map(([field, detail]) => {
    const [, list = "", at = ""] = /^(emails|domains)\[(\d+)\]$/.exec(field) ?? [];
    const name = typed[list]?.[Number(at)];
    return name ? `${name}: ${detail}` : detail;
  });
  if (wrong.length === 0) return problem;
  return new ApiProblem(problem.status, problem.title, problem.detail, {
    names: wrong.slice(0, 5).join(" "),
  });
}

/** The addresses and domains of a CSV or Excel file. Throws ApiProblem. */
export async function suppressFile(file: File, note: string): Promise<Added> {
  const form = new FormData();
  form.append("file", file, file.name);
  if (note.trim()) form.append("note", note.trim());
  const response = await request(new Request("/api/suppressions", { method: "POST", body: form }));
  return response.json();
}

/** Throws ApiProblem. */
export async function allowAgain({ id }: Suppression, why: string): Promise<void> {
  await answer(api.DELETE("/api/suppressions/{id}", { params: { path: { id } }, body: { why: why.trim() } }));
}

/** The reasons that are others' word: they end for many at once. */
export type Said = components["schemas"]["SuppressionsRemovalBody"]["reason"];

/** Throws ApiProblem. */
export function allowMany(
  reason: Said,
  { since, campaign, why }: { since: string; campaign: string | null; why: string },
): Promise<{ removed: number }> {
  const of = {
    since: since ? instantOfInput(since).toISOString() : null,
    campaignId: campaign === null ? null : Number(campaign),
  };
  return answer(api.POST("/api/suppressions/remove", { body: { reason, why: why.trim(), ...of } }));
}

/** One address, after a question. */
export function useSuppress(email: string) {
  const { run, pending } = useCommand({
    run: () => suppressTyped(email, ""),
    changes: changedBySuppressing(),
    said: addedWords,
  });
  const ask = async () => {
    const sure = await confirm({
      title: `Send nothing more to ${email}?`,
      children:
        "No campaign of this workspace writes to them any more, and what waits for them is cancelled. What is at a mail server this moment may still arrive.",
      confirm: "Send nothing more",
    });
    if (sure) await run();
  };
  return { ask, pending };
}

export function addedWords({ added, known, cancelled, rejected }: Added): string {
  const others = [
    known > 0 && `${counted(known, "was", "were")} suppressed already`,
    cancelled > 0 && `${counted(cancelled, "email")} cancelled`,
    rejected.length > 0 && `${counted(rejected.length, "row")} not understood`,
  ].filter(Boolean);
  return `${counted(added, "address or domain", "addresses and domains")} suppressed${others.length > 0 ? `; ${others.join(", ")}` : ""}.`;
}
