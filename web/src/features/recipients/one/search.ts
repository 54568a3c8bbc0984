import { type Search, textIn } from "@/ui/searchParams";

interface Place {
  /** The recipient whose page it is; a part of an address looks for those that have it. */
  email?: string | undefined;
  /** What is being typed: it looks for recipients, and opens nobody's page though it be a whole address. */
  q?: string | undefined;
}

export function recipientPlace(search: Search): Place {
  return { email: textIn(search.email), q: textIn(search.q) };
}

/** Whether it is to be looked up as a whole address: the API says whether it is one. */
export const isWhole = (text: string) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text);
