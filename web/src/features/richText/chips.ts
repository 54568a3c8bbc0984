/** Merge fields within a text: where they are, and what a key or a default makes of the text. */

import { placeholder } from "@/features/recipients/mergeFields";

export interface Chip {
  start: number;
  end: number;
  /** null: more than a field with a default, which is written by hand. */
  field: string | null;
  fallback: string;
}

const TAG = /\{\{[^{}]*\}\}/g;
const FIELD = /^\{\{\s*([\p{L}\p{N}\p{M}_]+)\s*(?:\|\s*default:\s*(?:"([^"]*)"|'([^']*)')\s*)?\}\}$/u;

export function chipsIn(text: string): Chip[] {
  return [...text.matchAll(TAG)].map((match) => {
    const [, field, double, single] = FIELD.exec(match[0]) ?? [];
    const end = match.index + match[0].length;
    return { start: match.index, end, field: field ?? null, fallback: double ?? single ?? "" };
  });
}

/** The one that the caret is in, or right behind. */
export const chipAt = (text: string, caret: number): Chip | null =>
  chipsIn(text).find(({ start, end }) => start < caret && caret <= end) ?? null;

/** A field goes as a whole, by one key. null: the key takes what it always takes. */
export function withoutChip(
  text: string,
  caret: number,
  key: string,
): { text: string; caret: number } | null {
  const chip =
    key === "Backspace"
      ? chipAt(text, caret)
      : key === "Delete"
        ? chipsIn(text).find(({ start, end }) => start <= caret && caret < end)
        : null;
  return chip ? { text: text.slice(0, chip.start) + text.slice(chip.end), caret: chip.start } : null;
}

/** With another text where the field is empty; where it ends then. */
export function withFallback(text: string, { start, end, field }: Chip, fallback: string) {
  const chip = placeholder(field ?? "", fallback);
  return { text: text.slice(0, start) + chip + text.slice(end), caret: start + chip.length };
}
