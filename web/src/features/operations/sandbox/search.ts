import { idIn, type Search } from "@/ui/searchParams";

/** The message that is being read. */
export function sandboxPlace(search: Search): { message?: number } {
  return { message: idIn(search.message) };
}
