/** Between rich text (HTML) and plain text. */

const BLOCKS = new Set(["P", "H1", "H2", "H3", "H4", "UL", "OL", "BLOCKQUOTE", "PRE", "HR", "TABLE"]);

/** The plain text alternative of what the editor made. */
export function textOf(html: string): string {
  const { body } = new DOMParser().parseFromString(unstyled(html), "text/html");
  return written(body)
    .replace(/[ \t]+\n/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** Tags of the editor that show nothing by themselves, and blanks; what else there is, the API judges. */
const BARE =
  /<\/?(?:p|br|h[23]|ul|ol|li|blockquote|pre|strong|em|u|s|code|a|span|div|table|tbody|tr|t[dh])(?:\s[^<>]*)?>/gi;
const BLANK =
  /[\s\p{Default_Ignorable_Code_Point}\u2800]|&(?:nbsp|ensp|emsp|thinsp|shy|zwnj|zwj|#160|#xa0|#8203);/giu;

/** Whether a reader sees anything of it. False is sure: the API takes no HTML that this refuses. */
export function showsSomething(html: string): boolean {
  const drawn = html.replace(BARE, (tag) => (/background|url\(/i.test(tag) ? tag : ""));
  return drawn.replace(BLANK, "") !== "";
}

function written(node: Node): string {
  if (node.nodeType === Node.TEXT_NODE) return node.textContent ?? "";
  if (!(node instanceof Element)) return "";
  const inside = [...node.childNodes].map(written).join("");
  if (node.tagName === "BR") return "\n";
  if (node.tagName === "IMG") return node.getAttribute("alt") ?? "";
  if (node.tagName === "HR") return "\n\n---\n\n";
  if (node.tagName === "LI") return `\n${mark(node)}${inside.trim()}`;
  if (node.tagName === "TR") return `\n${[...node.children].map((cell) => written(cell).trim()).join(" | ")}`;
  if (node.tagName === "A") {
    const href = node.getAttribute("href") ?? "";
    return href && href !== inside.trim() ? `${inside} (${href})` : inside;
  }
  return BLOCKS.has(node.tagName) ? `\n\n${inside}\n\n` : inside;
}

function mark(item: Element): string {
  const list = item.parentElement;
  return list?.tagName === "OL" ? `${[...list.children].indexOf(item) + 1}. ` : "- ";
}

/** The tags and attributes that the editor makes: other ones would come out of it as something else. */
const MADE: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    ["P", "H2", "H3", "UL", "OL", "LI", "BLOCKQUOTE", "PRE", "HR", "BR"].map((tag) => [tag, []]),
  ),
  ...Object.fromEntries(["STRONG", "EM", "U", "S", "CODE", "TBODY", "TR"].map((tag) => [tag, []])),
  A: ["href"],
  IMG: ["src", "alt", "width"],
  TABLE: ["border", "rules", "cellpadding", "cellspacing"],
  TD: ["colspan", "rowspan", "align", "valign"],
  TH: ["colspan", "rowspan", "align", "valign"],
};

/** How `unstyled` calls what styles an element. */
export const STYLE = "data-style";

/** The browser refuses styles in what is parsed, too, and says so: they become attributes of another name. */
export function unstyled(html: string): string {
  return html.replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/\sstyle\s*=/gi, ` ${STYLE}=`));
}

/** Whether the editor can change it without changing the rest of it. */
export function isOfEditor(html: string): boolean {
  if (/<!--|<!doctype|<html|<head|<body|<style/i.test(html)) return false;
  const page = new DOMParser().parseFromString(unstyled(html), "text/html");
  return [...page.body.querySelectorAll("*")].every(
    ({ tagName, attributes }) =>
      [...attributes].every(({ name, value }) =>
        tagName === "IMG" && name === "src" ? value.startsWith("/api/files/") : MADE[tagName]?.includes(name),
      ) && tagName in MADE,
  );
}

/** Plain text as the editor begins with it. */
export function htmlOf(text: string): string {
  if (text.trim() === "") return "";
  const safe = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return safe
    .split(/\n{2,}/)
    .map((paragraph) => `<p>${paragraph.replaceAll("\n", "<br>")}</p>`)
    .join("");
}
