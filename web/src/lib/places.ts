/** What the addresses of the set-up pages say after the question mark. */

/** The sender whose form is open; "new" for one to be added. */
export function senderPlace(search: Record<string, unknown>): { edit?: number | "new" } {
  return { edit: search.edit === "new" ? "new" : idOf(search.edit) };
}

/** The message that is being read. */
export function sandboxPlace(search: Record<string, unknown>): { message?: number } {
  return { message: idOf(search.message) };
}

export const SECTIONS = [
  "password",
  "sessions",
  "keys",
  "webhooks",
  "recipients",
  "audit",
  "people",
] as const;
export type Section = (typeof SECTIONS)[number];

export function settingsPlace(search: Record<string, unknown>): { section?: Section } {
  return { section: SECTIONS.find((section) => section === search.section) };
}

function idOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
