"""The quotation below a message that follows another: the earlier one, as people's mail programs quote it."""

from __future__ import annotations

import re
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
_BODY = re.compile(r"<body\b[^>]*>(.*)</body\s*>", re.IGNORECASE | re.DOTALL)
_HEAD = re.compile(
    r"<(head|style|script|title)\b.*?</\1\s*>|</?(?:html|body|head)\b[^>]*>|<!doctype[^>]*>", re.I | re.S
)
_OUR_PICTURE = re.compile(r"<img\b[^>]*\bsrc\s*=\s*[\"']?/api/files/[^>]*>", re.IGNORECASE)
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
    found = _BODY.search(html)
    return _OUR_PICTURE.sub("", _HEAD.sub("", found[1] if found else html)).strip()
