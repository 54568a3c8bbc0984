/** The first words of a message, for a list. */

interface Message {
  text: string | null;
  html: string | null;
}

const LENGTH = 140;

/** From the text, or from the HTML's own text where there is none; in one line. */
export function snippet({ text, html }: Message): string {
  const words = text?.trim() ? text : textOf(html ?? "");
  const line = words.replace(/\s+/g, " ").trim();
  return line.length > LENGTH ? `${line.slice(0, LENGTH).trimEnd()}…` : line;
}

/** A document of its own, in which nothing runs or is loaded. */
function textOf(html: string): string {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const unseen of body.querySelectorAll("style, script")) unseen.remove();
  return body.textContent ?? "";
}
