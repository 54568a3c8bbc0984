import { idIn } from "@/ui/searchParams";

/** The template that is being edited. */
export const templatePlace = (search: Record<string, unknown>): { edit?: number | "new" } => {
  const edit = search.edit === "new" ? ("new" as const) : idIn(search.edit);
  return edit === undefined ? {} : { edit };
};
