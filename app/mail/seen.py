"""Whether a message shows its reader anything.

HTML is read as browsers do, in one pass: a tag, a comment or a style that does not end takes the rest of it along.
What may be seen counts as seen: words that a style hides, elements that are not known here, tags of Liquid.
"""

from __future__ import annotations

import re

from app.mail.references import read

# Blanks, controls, and what Unicode calls ignorable by default, with the blank of Braille.
_UNSEEN = re.compile(
    "[\\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_BEGINNING = re.compile(r"<(?:(?P<comment>!--)|(?P<end>/)?(?P<name>[a-z][^\s/>]*)|[!?/])", re.IGNORECASE | re.ASCII)
_COMMENT_END = re.compile("--!?>")
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?:(?P<closing>>)|(?P<name>[^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?P<value>"[^"]*+"|'[^']*+'|(?!["'>])[^\s>]++)?+)?+)"""
)
# What is within them is no text.
_VERBATIM = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style", "title")}
# Elements that show nothing by themselves.
_BARE = frozenset(
    {"html", "head", "body", "meta", "link", "base", "script", "style", "title", "p", "div", "span", "br", "wbr"}
    | {"a", "b", "i", "u", "s", "em", "strong", "small", "big", "font", "center", "h1", "h2", "h3", "h4", "h5", "h6"}
    | {"ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr"}
    | {"td", "th", "blockquote", "pre", "code", "section", "article", "header", "footer", "main", "nav", "aside"}
    | {"address", "abbr", "acronym", "cite", "del", "ins", "sub", "sup", "mark", "tt", "kbd", "samp", "var", "dfn"}
    | {"label", "strike", "noscript", "figure", "figcaption", "form", "o:p"}
)


def is_seen(text: str) -> bool:
    """Whether there is a character that shows."""
    return _UNSEEN.sub("", text) != ""


def shows_something(html: str) -> bool:
    """Whether a reader sees words, a picture, a line, or whatever else is drawn."""
    at = 0
    while beginning := _BEGINNING.search(html, at):
        if is_seen(read(html[at : beginning.start()])):
            return True
        end = _end_of_comment(html, beginning)
        if beginning["name"]:
            name = beginning["name"].lower()
            attributes, end = _attributes(html, beginning.end())
            if end is not None and not beginning["end"]:
                if _draws(name, attributes):
                    return True
                if name in _VERBATIM:
                    closing = _VERBATIM[name].search(html, end)
                    within = html[end : closing.start() if closing else len(html)]
                    if name == "style" and "url(" in within.lower():
                        return True
                    end = closing and closing.start()
        if end is None:
            return False
        at = end
    return is_seen(read(html[at:]))


def _end_of_comment(html: str, beginning: re.Match[str]) -> int | None:
    """Where a comment or a declaration ends; None: never."""
    if beginning["comment"]:
        closing = _COMMENT_END.search(html, beginning.start() + 2)  # `<!-->` is a whole one
        return closing and closing.end()
    return html.find(">", beginning.end()) + 1 or None


def _attributes(html: str, at: int) -> tuple[dict[str, str], int | None]:
    """Those of the tag whose name ends at `at`, and where the tag ends; None: never."""
    found: dict[str, str] = {}
    while part := _ATTRIBUTE.match(html, at):
        if part["closing"]:
            return found, part.end()
        found.setdefault(part["name"].lower(), (part["value"] or "").strip("\"'"))
        at = part.end()
        if part["value"] is None and html[at : at + 1] in {'"', "'"}:
            return found, None  # a value that does not end
    return found, None


def _draws(name: str, attributes: dict[str, str]) -> bool:
    if name == "input":
        return attributes.get("type", "").lower() != "hidden"
    return name not in _BARE or bool(attributes.get("background")) or "url(" in attributes.get("style", "").lower()
