"""HTML of strangers: cleaned for people to see, and as the text that it shows."""

from __future__ import annotations

import re
from functools import lru_cache

import nh3

from app.mail import references
from app.mail.document import text_of
from app.mail.strip_html import strip_html

MOST_HTML = 262_144
MOST_TEXT = 65_536
_TAGS = frozenset(
    {"a", "abbr", "b", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd", "del", "div", "dl"}
    | {"dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "li", "ol", "p", "pre", "q"}
    | {"s", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
    | {"tt", "u", "ul"}
)
_SCHEMES = {"http", "https", "mailto", "tel"}
_FOR_ALL = {"align", "dir", "lang", "style", "title", "valign"}
_ATTRIBUTES = {
    "*": _FOR_ALL,
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "font": {"color", "face", "size"},
    "table": {"border", "cellpadding", "cellspacing", "width", "bgcolor"},
    "td": {"colspan", "rowspan", "width", "bgcolor"},
    "th": {"colspan", "rowspan", "width", "bgcolor"},
    "ol": {"start", "type"},
}
# None of them can name another place, or cover what is around the message.
_STYLES = {
    *("background-color", "border", "border-collapse", "color", "direction", "font-family", "font-size", "font-style"),
    *("font-weight", "line-height", "margin", "margin-bottom", "margin-left", "margin-right", "margin-top", "padding"),
    *("padding-bottom", "padding-left", "padding-right", "padding-top", "text-align", "text-decoration", "white-space"),
}


# Formats that are left open are opened anew in each paragraph.
_FORMATS = frozenset({"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"})
_UNNESTED = frozenset(
    {"area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p"}
    | {"source", "tbody", "td", "th", "tr", "track", "wbr"}
)
_MOST_DEPTH, _MOST_OPEN_FORMATS = 300, 40
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})")


@lru_cache(2)  # of a message of HTML alone the text is made of it, too
def cleaned(html: str) -> str | None:
    """HTML that may be shown: no scripts, style sheets, forms or frames; links and pictures by http(s) alone. None: it
    is nested so that cleaning it takes for ever, or is long even then.
    """
    html = html[:MOST_HTML]
    if _is_a_bomb(html):
        return None
    clean = nh3.clean(
        html,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        clean_content_tags={"script", "style", "title", "head"},
        attribute_filter=_kept,
        url_schemes=_SCHEMES,
        filter_style_properties=_STYLES,
        link_rel="noopener noreferrer nofollow",
    )
    return clean if len(clean) <= MOST_HTML else None


def _kept(_tag: str, attribute: str, value: str) -> str | None:
    """A message has no place from which other places could be told: what is relative would be one of ours."""
    is_place = attribute in {"href", "src"}
    return value if not is_place or value.strip().partition(":")[0].lower() in _SCHEMES else None


def _is_a_bomb(html: str) -> bool:
    depth = formats = 0
    for tag in _TAG.finditer(html):
        name = tag[2].lower()
        if name not in _UNNESTED:
            depth = max(0, depth + (-1 if tag[1] else 1))
        if name in _FORMATS:
            formats = max(0, formats + (-1 if tag[1] else 1))
        if depth > _MOST_DEPTH or formats > _MOST_OPEN_FORMATS:
            return True
    return False


def shown(html: str, clean: str | None) -> str:
    """The text that it shows; `clean` is what `cleaned` made of it."""
    if clean is None:
        return references.read(strip_html(html[:MOST_TEXT]))
    if len(clean) > MOST_TEXT:
        clean = clean[:MOST_TEXT]
        begun = clean.rfind("<")
        clean = clean[:begun] if begun > clean.rfind(">") else clean  # a tag that was cut through
    return text_of(clean)
