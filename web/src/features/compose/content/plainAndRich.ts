/** How plain and rich text of one content follow each other: what each change to one of them changes beside it. */

import { htmlOf, textOf } from "@/features/richText/richText";
import type { Content } from "../draft/draft";

/** The plain text was changed. Without rich text on the page it is what counts: an older rich one is dropped. */
export function withBody({ rich }: Content, body: string): Partial<Content> {
  return rich ? { body, textEdited: true } : { body, html: "" };
}

/** The rich text was changed; the plain one follows until it has been written by hand. */
export function withHtml({ textEdited }: Content, html: string): Partial<Content> {
  return textEdited ? { html } : { html, body: textOf(html) };
}

/** Rich text begins as the plain one did, unless that was not changed since there was a rich one. */
export function withKind({ body, html }: Content, rich: boolean): Partial<Content> {
  return rich && !html ? { rich, html: htmlOf(body), textEdited: false } : { rich };
}

/** The plain text follows the rich one again. */
export function withTextOfHtml({ html }: Content): Partial<Content> {
  return { textEdited: false, body: textOf(html) };
}
