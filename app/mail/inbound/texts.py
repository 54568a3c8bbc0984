"""HTML of strangers: cleaned for people to see, and as the text that it shows."""

from __future__ import annotations

import nh3

from app.mail.document import text_of

MOST_HTML = 262_144
MOST_TEXT = 65_536
_TAGS = frozenset(
    {"a", "abbr", "b", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd", "del", "div", "dl"}
    | {"dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "li", "ol", "p", "pre", "q"}
    | {"s", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
    | {"tt", "u", "ul"}
)
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


def cleaned(html: str) -> str:
    """What may be shown of it: no scripts, style sheets, forms or frames; links and pictures by http(s) alone."""
    return nh3.clean(
        html[:MOST_HTML],
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        clean_content_tags={"script", "style", "title", "head"},
        url_schemes={"http", "https", "mailto", "tel"},
        filter_style_properties=_STYLES,
        link_rel="noopener noreferrer nofollow",
    )[: 2 * MOST_HTML]


def shown(html: str) -> str:
    """The text that it shows."""
    return text_of(cleaned(html))
