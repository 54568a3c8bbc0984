import { idIn, type Search } from "@/ui/searchParams";

/** The sender whose form is open; "new" for one to be added. */
export function senderPlace(search: Search): { edit?: number | "new" } {
  return { edit: search.edit === "new" ? "new" : idIn(search.edit) };
}
