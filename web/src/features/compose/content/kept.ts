/** Between content in the editor and texts as the API keeps them: those of templates and of campaigns. */

import type { components } from "@/api/schema";
import { textOf } from "@/features/richText/richText";
import { type Attached, type Content, EMPTY } from "../draft/draft";

type Told = Required<Omit<components["schemas"]["TemplateBody"], "name" | "attachments">>;

/** As the API is told it: files by their ids. */
export type KeptText = Told & { attachments: number[] };

/** As it answers, or less of it. */
export type AnsweredText = Pick<Told, "subject" | "body" | "bodyHtml" | "language"> &
  Partial<Told & { attachments: Attached[] }>;

export function contentOf(text: AnsweredText): Content {
  const { subject, body, bodyHtml, language } = text;
  const html = bodyHtml ?? "";
  return {
    ...EMPTY.steps[0].content,
    subject,
    body: body || textOf(html),
    rich: bodyHtml !== null,
    html,
    textEdited: bodyHtml !== null && body !== "" && body !== textOf(html),
    language,
    replyTo: text.replyTo ?? "",
    headers: Object.entries(text.headers ?? {}).map(([name, value]) => ({ name, value })),
    cc: text.cc ?? [],
    bcc: text.bcc ?? [],
    attachments: (text.attachments ?? []).map(({ id, name, size, warning }) => ({ id, name, size, warning })),
  };
}

export function keptOf(content: Content): KeptText {
  const { subject, body, rich, html, language, replyTo, headers, cc, bcc, attachments } = content;
  const named = headers.filter(({ name, value }) => name.trim() || value.trim());
  return {
    subject,
    body,
    bodyHtml: rich ? html : null,
    language,
    replyTo: replyTo.trim() || null,
    headers: Object.fromEntries(named.map(({ name, value }) => [name.trim(), value])),
    cc: [...cc],
    bcc: [...bcc],
    attachments: attachments.map(({ id }) => id),
  };
}
