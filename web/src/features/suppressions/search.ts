import { VALUES } from "@/api/constants";
import { oneOf, type Search, textIn } from "@/ui/searchParams";
import type { SuppressionFilter } from "./queries";

export function suppressionSearch(search: Search): SuppressionFilter {
  return { q: textIn(search.q), reason: oneOf(VALUES.Suppression.reason, search.reason) };
}

/** Where the CSV of the same list is, for a spreadsheet. */
export function exportPath(filter: SuppressionFilter): string {
  const query = new URLSearchParams({ spreadsheet: "true" });
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, `${value}`);
  return `/api/suppressions/export?${query}`;
}
