/** Recipients for whom something of the text stays blank. */

import { chipsIn } from "@/features/richText/chips";
import type { Content } from "../draft/draft";
import type { Recipient } from "../recipients/useRecipients";

/** The merge fields of a text, where it is no more than fields and their defaults. */
export const fieldsOf = ({ subject, body, rich, html }: Content): string[] => {
  const fields = chipsIn(`${subject}\n${body}\n${rich ? html : ""}`).map(({ field }) => field);
  return [...new Set(fields.filter((field): field is string => field !== null && field !== "email"))];
};

/** The next after `at` who has nothing for one of the fields, beginning anew at the end; null: nobody. */
export function nextBlank(
  sample: readonly Recipient[],
  at: number,
  fields: readonly string[],
): number | null {
  const isBlank = ({ fields: its }: Recipient) => fields.some((field) => !its[field]?.trim());
  for (let step = 1; step <= sample.length; step++) {
    const number = (at + step) % sample.length;
    const recipient = sample[number];
    if (recipient && isBlank(recipient)) return number;
  }
  return null;
}
