/** Between content in the editor and texts as the API keeps them: those of templates and of campaigns. */

import { type Content, EMPTY } from "../draft/draft";
import { textOf } from "./richText";

export interface KeptText {
  subject: string;
  body: string;
  bodyHtml: string | null;
  language: string | null;
}

export function contentOf({ subject, body, bodyHtml, language }: KeptText): Content {
  const html = bodyHtml ?? "";
  return {
    ...EMPTY.steps[0].content,
    subject,
    body: body || textOf(html),
    rich: bodyHtml !== null,
    html,
    textEdited: bodyHtml !== null && body !== "" && body !== textOf(html),
    language,
  };
}

export function keptOf({ subject, body, rich, html, language }: Content): KeptText {
  return { subject, body, bodyHtml: rich ? html : null, language };
}
