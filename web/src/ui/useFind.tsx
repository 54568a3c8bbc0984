import { useState } from "react";
import { SearchField } from "./SearchField";

const FEW = 12;

/** Of a list that is here as a whole: what of it has the words that are sought, and the field for them where it is long. */
export function useFind<Item>(items: readonly Item[], label: string, words: (item: Item) => string) {
  const [q, setQ] = useState<string>();
  const sought = q?.toLowerCase();
  const found = sought ? items.filter((item) => words(item).toLowerCase().includes(sought)) : items;
  const field = items.length > FEW ? <SearchField label={label} value={q} onChange={setQ} /> : null;
  return { found, field };
}
