import { type Search, textIn } from "@/ui/searchParams";

/** The recipient whose page it is; a part of an address looks for those that have it. */
export function recipientPlace(search: Search): { email?: string | undefined } {
  return { email: textIn(search.email) };
}

/** Whether it is to be looked up as a whole address: the API says whether it is one. */
export const isWhole = (text: string) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text);
