import { oneOf, type Search } from "@/ui/searchParams";

export const SECTIONS = [
  "password",
  "sessions",
  "members",
  "keys",
  "webhooks",
  "recipients",
  "audit",
  "people",
] as const;
export type Section = (typeof SECTIONS)[number];

export function settingsPlace(search: Search): { section?: Section } {
  return { section: oneOf(SECTIONS, search.section) };
}
