/**
 * HTML copied from Word, Google Docs, Gmail or a page, as mail can show it: headings, lists, links, tables, and text
 * that is bold, italic, underlined or struck through. They say much of it by styles, which are read from the text of the
 * attribute, under another name: the policy of this page lets no document apply them. All else is dropped.
 */

import { STYLE, unstyled } from "./richText";

const BLOCKS = new Set(["P", "H1", "H2", "H3", "H4", "UL", "OL", "LI", "BLOCKQUOTE", "PRE", "HR", "TABLE"]);
const INLINE: Readonly<Record<string, string>> = {
  B: "strong",
  STRONG: "strong",
  I: "em",
  EM: "em",
  U: "u",
  INS: "u",
  S: "s",
  STRIKE: "s",
  DEL: "s",
  CODE: "code",
};
const DROPPED =
  "style, script, meta, link, title, head, xml, o\\:p, object, iframe, img, picture, video, audio, button, input";
const HEADINGS: Readonly<Record<string, string>> = { H1: "h2", H4: "h3", H5: "h3", H6: "h3" };

const EMPTY = new Set(["BR", "HR", "TD", "TH"]); // that say something without anything in them
const LINES = new Set(["P", "DIV", "LI", "H1", "H2", "H3", "H4", "H5", "H6", "BLOCKQUOTE", "PRE"]);

const SIGNS = /<!(?:--)?\[if !supportLists\](?:--)?>([\s\S]*?)<!(?:--)?\[endif\](?:--)?>/g;

function signIn(drawn: string): string {
  return drawn.replace(/<[^>]*>|&\w+;|[\s"]/g, "");
}

export function cleaned(html: string): string {
  // Word says between such marks what it draws before a list's item: a bullet or a number, and blanks.
  const bare = html.replace(SIGNS, (_, drawn: string) => `<span data-sign="${signIn(drawn)}"></span>`);
  const from = new DOMParser().parseFromString(unstyled(bare), "text/html");
  for (const dropped of from.body.querySelectorAll(DROPPED)) dropped.remove();
  const to = document.implementation.createHTMLDocument("");
  for (const node of from.body.childNodes) copy(node, to.body);
  listsOfWord(to.body);
  for (const text of [...to.body.childNodes]) if (isBetweenBlocks(text)) text.remove();
  for (const mark of to.body.querySelectorAll("[data-word]")) mark.removeAttribute("data-word");
  return to.body.innerHTML;
}

/** Whether it separates lines of the source, and is no blank between words. */
function isBetweenBlocks(node: ChildNode): boolean {
  if (node.nodeType !== Node.TEXT_NODE || node.textContent?.trim()) return false;
  return [node.previousSibling, node.nextSibling].some(
    (beside) => beside === null || (beside instanceof Element && BLOCKS.has(beside.tagName)),
  );
}

function copy(node: Node, into: Element): void {
  const page = into.ownerDocument;
  if (node.nodeType === Node.TEXT_NODE) {
    if (["TABLE", "TR"].includes(into.tagName)) return; // between cells
    into.append(page.createTextNode((node.textContent ?? "").replace(/[\n\r\t]+/g, " ")));
    return;
  }
  if (!(node instanceof Element)) return;
  const place = open(node, into);
  for (const child of node.childNodes) copy(child, place);
  if (place !== into && !place.hasChildNodes() && !EMPTY.has(place.tagName)) place.remove();
}

/** The element that this one becomes, in place; that around it where nothing is left of it. */
function open(node: Element, into: Element): Element {
  const tag = node.tagName;
  if (node.hasAttribute("data-sign")) return into;
  if (tag === "BR" || tag === "HR") return add(into, isInTable(node) ? "br" : tag);
  if (tag === "A") {
    const href = node.getAttribute("href") ?? "";
    if (!/^(?:https?:|mailto:|tel:|\{\{)/i.test(href)) return into;
    const link = add(into, "a");
    link.setAttribute("href", unwrapped(href));
    return link;
  }
  if (tag === "TABLE") return isInTable(node) ? table(node, into) : into;
  if (isInTable(node)) {
    if (tag === "TR") return add(into, tag);
    if (isCell(node)) return spanning(node, add(into, tag));
    return node.closest("td, th") ? inCell(node, into) : into;
  }
  if (tag === "DIV" || tag === "P" || isCell(node)) {
    if (node.querySelector("p, div, ul, ol, table, h1, h2, h3, h4, blockquote")) return into;
    const paragraph = add(into, "p");
    const level = /mso-list:\s*\S+\s+level(\d+)/i.exec(node.getAttribute(STYLE) ?? "")?.[1];
    if (level) paragraph.setAttribute("data-word", `${level} ${isNumbered(node) ? "ol" : "ul"}`);
    return formatted(node, paragraph);
  }
  if (tag in HEADINGS) return add(into, HEADINGS[tag] ?? "h3");
  if (BLOCKS.has(tag)) return add(into, tag);
  // Google Docs puts all that is copied into a <b> that is not bold.
  const inline = INLINE[tag];
  const weight = style(node, "font-weight");
  if (inline && !(inline === "strong" && /^(?:normal|400)$/.test(weight)))
    return formatted(node, add(into, inline));
  return formatted(node, into);
}

const tables = new WeakMap<Element, boolean>();

/**
 * Whether a table around it, or itself, is one for its reader. One with others in it, or with one cell a row, is there for
 * the place of things, as newsletters and signatures have it: what is in its cells stands below each other.
 */
function isInTable(node: Element): boolean {
  const table = node.closest("table");
  if (table === null) return false;
  const known = tables.get(table);
  if (known !== undefined) return known;
  const is = !table.querySelector("table") && [...table.querySelectorAll("tr")].some(isWide);
  tables.set(table, is);
  return is;
}

function isWide(row: Element): boolean {
  return [...row.children].filter(isCell).length > 1;
}

function isCell({ tagName }: Element): boolean {
  return tagName === "TD" || tagName === "TH";
}

/** Whether lines are drawn is said by an attribute, or by the styles of the table or a cell. */
function table(from: Element, into: Element): Element {
  const made = add(into, "table");
  const drawn = [from, ...from.querySelectorAll("td, th")].some((one) =>
    /border[^;]*:[^;]*(?:solid|double|dashed|dotted)/i.test(one.getAttribute(STYLE) ?? ""),
  );
  made.setAttribute("border", drawn || Number(from.getAttribute("border")) ? "1" : "0");
  return made;
}

function spanning(from: Element, cell: Element): Element {
  for (const name of ["colspan", "rowspan"]) {
    const cells = Number(from.getAttribute(name));
    if (Number.isInteger(cells) && cells > 1 && cells <= 100) cell.setAttribute(name, `${cells}`);
  }
  return cell;
}

/** In a cell there are lines, and no paragraphs of their own. */
function inCell(node: Element, into: Element): Element {
  const before = into.closest("td, th")?.textContent?.trim() ?? "";
  if (LINES.has(node.tagName) && before && !before.endsWith("•")) add(into, "br");
  if (node.tagName === "LI") into.append("• ");
  const inline = INLINE[node.tagName] ?? (/^H\d$/.test(node.tagName) ? "strong" : undefined);
  return formatted(node, inline ? add(into, inline) : into);
}

/** Within the formatting that its style says. */
function formatted(node: Element, into: Element): Element {
  const has = (tag: string) => into.closest(tag) !== null;
  const decoration = style(node, "text-decoration") + style(node, "text-decoration-line");
  let place = into;
  if (/^(?:bold|bolder|[6-9]00)$/.test(style(node, "font-weight")) && !has("strong, h1, h2, h3"))
    place = add(place, "strong");
  if (/^(?:italic|oblique)/.test(style(node, "font-style")) && !has("em")) place = add(place, "em");
  if (decoration.includes("underline") && !has("u, a")) place = add(place, "u");
  if (decoration.includes("line-through") && !has("s")) place = add(place, "s");
  return place;
}

function style(node: Element, name: string): string {
  const found = new RegExp(`(?:^|;)\\s*${name}\\s*:\\s*([^;]+)`, "i").exec(node.getAttribute(STYLE) ?? "");
  return found?.[1]?.trim().toLowerCase() ?? "";
}

function add(into: Element, tag: string): Element {
  const made = into.ownerDocument.createElement(tag.toLowerCase());
  into.append(made);
  return made;
}

/** Where a link of Google's that only passes on leads. */
function unwrapped(href: string): string {
  if (!/^https:\/\/www\.google\.com\/url\?/i.test(href)) return href;
  return new URL(href).searchParams.get("q") ?? href;
}

/** Word's list items are paragraphs; the sign that each begins with was a number or a bullet. */
function isNumbered(node: Element): boolean {
  const sign = node.querySelector("[data-sign]")?.getAttribute("data-sign") ?? node.textContent ?? "";
  return /^\s*(?:\d+|[a-z]|[ivx]+)[.)]/i.test(sign);
}

function listsOfWord(body: Element) {
  let lists: Element[] = [];
  for (const paragraph of [...body.children]) {
    const [depth = "", kind = "ul"] = (paragraph.getAttribute("data-word") ?? "").split(" ");
    const level = Number(depth);
    if (!level) {
      lists = [];
      continue;
    }
    lists = lists.slice(0, level);
    while (lists.length < level) {
      const list = body.ownerDocument.createElement(kind);
      const outer = lists.at(-1);
      if (outer) (outer.lastElementChild ?? outer).append(list);
      else paragraph.before(list);
      lists.push(list);
    }
    const item = body.ownerDocument.createElement("li");
    const text = body.ownerDocument.createElement("p");
    text.append(...withoutSign(paragraph));
    item.append(text);
    lists.at(-1)?.append(item);
    paragraph.remove();
  }
}

/** Without the bullet or number that is still there: not every Word marks it by comments. */
function withoutSign(paragraph: Element): ChildNode[] {
  const first = paragraph.firstChild;
  if (first?.nodeType === Node.TEXT_NODE)
    first.textContent = (first.textContent ?? "").replace(
      /^\s*(?:[·•o§▪-]|(?:\d+|[a-z])[.)])[\s\u00a0]+/i,
      "",
    );
  return [...paragraph.childNodes];
}
