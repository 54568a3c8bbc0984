/**
 * Tags of Liquid in rich text, each in one piece: `{{ name }}` is bold or it is not. In the editor they are
 * `<span data-liquid>`, and nothing but their text in what is sent.
 */

const TAG = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g;
const PIECE = /<span data-liquid="">([^<]*)<\/span>/g;

/** For the editor. */
export function withPieces(html: string): string {
  const page = new DOMParser().parseFromString(html, "text/html");
  joinTags(page.body);
  const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) if (!text.parentElement?.closest("[data-liquid]")) split(text);
  return page.body.innerHTML;
}

/** As it is sent. */
export function withoutPieces(html: string): string {
  return html.replace(PIECE, "$1");
}

function split(text: Text) {
  const { data } = text;
  const pieces: Node[] = [];
  let at = 0;
  for (const match of data.matchAll(TAG)) {
    const piece = text.ownerDocument.createElement("span");
    piece.setAttribute("data-liquid", "");
    piece.textContent = match[0].replace(/\u00a0/g, " ");
    pieces.push(text.ownerDocument.createTextNode(data.slice(at, match.index)), piece);
    at = match.index + match[0].length;
  }
  if (pieces.length === 0) return;
  text.replaceWith(...pieces, text.ownerDocument.createTextNode(data.slice(at)));
}

/** A tag that formatting has torn apart, `{{ <b>na</b>me }}`, takes the formatting of where it begins. */
function joinTags(root: Element) {
  for (const block of root.querySelectorAll("p, li, h1, h2, h3, h4, h5, h6, td, th, blockquote, div")) {
    if (block.querySelector("p, li, div, blockquote, ul, ol, table")) continue;
    const walker = root.ownerDocument.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    let open: Text | null = null;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node as Text;
      if (open) {
        const end = text.data.search(/[}%]\}/);
        const taken = end < 0 ? text.data : text.data.slice(0, end + 2);
        open.data += taken;
        text.data = text.data.slice(taken.length);
        if (end < 0) continue;
        open = null;
      }
      if (/\{[{%](?:(?![}%]\})[\s\S])*$/.test(text.data)) open = text;
    }
  }
}
