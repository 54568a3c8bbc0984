"""The quotation below a message that follows another: the earlier one, as people's mail programs quote it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import msgspec
from babel.dates import format_date
from markupsafe import escape

from app.mail.footer import at_end
from app.mail.values import locale_of

_WROTE = {
    "en": "On {day}, {who} wrote:",
    "de": "Am {day} schrieb {who}:",
    "fr": "Le {day}, {who} a écrit :",
    "es": "El {day}, {who} escribió:",
    "it": "Il {day}, {who} ha scritto:",
    "nl": "Op {day} schreef {who}:",
    "pt": "Em {day}, {who} escreveu:",
    "pl": "{day} {who} napisał(a):",
}
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)
_UNSEEN = [
    (re.compile(rf"<{name}\b.*?</{name}\s*>", re.IGNORECASE | re.DOTALL), re.compile(rf"</{name}\s*>", re.IGNORECASE))
    for name in ("head", "style", "script", "title")
]
_TAG_END = re.compile(">")
_OF_DOCUMENT = re.compile(r"</?(?:html|body|head)\b[^>]*>|<!doctype[^>]*>", re.IGNORECASE)
_PICTURE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_OURS = re.compile(r"\bsrc\s*=\s*[\"']?/api/files/", re.IGNORECASE)
_BAR = "border-left: 2px solid #ccc; margin: 0 0 0 8px; padding-left: 12px"


class Quote(msgspec.Struct, frozen=True):
    """As it stands at the end of a text, and of HTML."""

    text: str
    html: str


def quote(text: str, html: str | None, *, who: str, day: date, language: str | None) -> Quote:
    """Of a message as its recipient has it: plain text with "> " before each line, HTML in a `blockquote`. `who` wrote
    it, on this day; pictures that went along with it do not go along again.
    """
    known = (language or "en").partition("-")[0].lower()
    if known not in _WROTE:
        known, language = "en", "en"
    said = _WROTE[known].format(day=format_date(day, "long", locale_of(language or "en")), who=who)
    lines = "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
    inside = str(escape(text.strip())).replace("\n", "<br>\n") if html is None else _inside(html)
    return Quote(f"{said}\n\n{lines}\n", f'<p>{escape(said)}</p>\n<blockquote style="{_BAR}">\n{inside}\n</blockquote>')


def with_quote(text: str, quoted: Quote, *, html: bool) -> str:
    """A text with it at its end."""
    return at_end(text, quoted.html) if html else f"{text.rstrip()}\n\n{quoted.text}"


def _inside(html: str) -> str:
    """The part of a document that can stand within another one."""
    begins = _BODY.search(html, 0, html.rfind(">") + 1)
    if begins and (ends := _last(_BODY_END, html, begins.end())):
        html = html[begins.end() : ends.start()]
    for whole, end in _UNSEEN:
        html = _without(whole, end, html)
    html = _without(_OF_DOCUMENT, _TAG_END, html)
    return _without(_PICTURE, _TAG_END, html, lambda picture: "" if _OURS.search(picture[0]) else picture[0]).strip()


def _without(
    found: re.Pattern[str], end: re.Pattern[str], html: str, kept: Callable[[re.Match[str]], str] = lambda _: ""
) -> str:
    """HTML in which something that ends with `end` is no more, or what is `kept` of it. Behind the last end nobody
    looks for another, or each beginning of thousands would look through all that follows.
    """
    last = _last(end, html, 0)
    return found.sub(kept, html[: last.end()]) + html[last.end() :] if last else html


def _last(found: re.Pattern[str], html: str, start: int) -> re.Match[str] | None:
    last = None
    for one in found.finditer(html, start):
        last = one
    return last
