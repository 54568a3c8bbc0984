/** What is written of an answer when it becomes rich or plain: one of the two is sent. */

import { htmlOf, textOf } from "@/features/richText/richText";

export interface Texts {
  body: string;
  bodyHtml: string;
}

/** Rich, it says what the plain text did. What was rich before, and says the same, keeps its form. */
export const asRich = ({ body, bodyHtml }: Texts): Partial<Texts> =>
  textOf(bodyHtml) === body.trim() ? {} : { bodyHtml: htmlOf(body) };

/** Plain, it says what the rich text did, which stays for the way back. */
export const asPlain = ({ body, bodyHtml }: Texts): Partial<Texts> =>
  htmlOf(body) === bodyHtml ? {} : { body: textOf(bodyHtml) };
