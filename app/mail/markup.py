"""The first look at a template: what of it is text and what is markup, in one pass that takes as long as the text is.

Everything that a stranger may send is bounded here, before a library sees it: how long a tag is, how many there are,
how many filters they apply. Liquid's own lexer looks for the end of a tag from every beginning of one.

Text in raw blocks prints as it is, comments are left out, and `{{-` and `-}}` strip the blanks around them. Within
tags, what word processors and rich text editors make of quotes, blanks and signs is read as it was meant.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from app.bounds import TEXT
from app.mail import references

TAG_CHARACTERS = 2_000
MOST_TAGS = 500
ALL_TAGS_CHARACTERS = 30_000
MOST_FILTERS = 500
MOST_BRACKETS = 50  # in one tag: the lexer looks far ahead from each

_OPENING = re.compile(r"\{[{%]-?")
_CLOSING = {"{{": "}}", "{%": "%}"}
_TAG = re.compile(r"\s*(#|\w+)\s*(.*)", re.DOTALL)
_END_OF_RAW = re.compile(r"\{%-?\s*endraw\s*-?%\}")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_TYPED = re.compile(r"[ -%'-~\s]*", re.ASCII)  # what needs no second look: no `&`, nothing beyond ASCII
_DOUBLE = r"(?:[\"“”„‟«»「」\uff02]|&(?:quot|[lrb]dquo|[lr]aquo|#34|#x22|#822[0-2]);)"
_SINGLE = r"(?:['\u2018-\u201b\u2039\u203a]|&(?:apos|[lrs][bs]?quo|#0?39|#x27|#821[678]);)"
_WRITTEN = re.compile(
    rf"{_QUOTED.pattern}|{_DOUBLE}(?P<double>(?:(?!{_DOUBLE}).)*+){_DOUBLE}"
    rf"|{_SINGLE}(?P<single>(?:(?!{_SINGLE}).|(?<=\w)\u2019(?=\w))*+){_SINGLE}|(?P<sign>&#?\w{{2,8}};|[^\x00-\x7f])",
    re.DOTALL,
)
# Signs in the width of Chinese and Japanese ones, and those of comparing as one character.
_SIGNS = {chr(0xFEE0 + ord(sign)): sign for sign in "!#%&()*+,-./:;<=>?[]_{|}"} | {"≥": ">=", "≤": "<=", "≠": "!="}
_NO_WIDTH = frozenset("\u00ad\u200b\u2060\ufeff")  # without those that join letters: names may hold them


class TemplateError(ValueError):
    """The template is wrong, or a recipient lacks the merge field that `field` names, or what it has is too long."""

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class Part(NamedTuple):
    """Text to print, or a tag: with a name, as in `{% if … %}`, or without, as in `{{ … }}`.

    `text` of a tag: what is between name and end. `at`: where that begins in the source.
    """

    text: str
    at: int
    is_tag: bool = False
    name: str | None = None


def parts(source: str) -> list[Part]:
    """Raises TemplateError for a tag that is not closed, or more of anything than a template may have."""
    if len(source) > TEXT.most:
        raise TemplateError(f"the text is longer than {TEXT.most:,} characters")
    return _Reader(source).read()


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._parts: list[Part] = []
        self._strips = False  # the tag before ended with `-}}` or `-%}`
        self._comments = 0  # one may lie in another
        self._tags = self._in_tags = self._filters = 0

    def read(self) -> list[Part]:
        position = 0
        while opening := _OPENING.search(self._source, position):
            self._take_text(position, opening.start(), strip_end=opening.group().endswith("-"))
            position = self._take_tag(opening)
        self._take_text(position, len(self._source), strip_end=False)
        if self._comments:
            raise self._wrong(len(self._source), "a comment is never closed")
        return self._parts

    def _take_text(self, start: int, end: int, *, strip_end: bool) -> None:
        text = self._source[start:end]
        if self._strips:
            text = text.lstrip()
        if strip_end:
            text = text.rstrip()
        if text and not self._comments:
            self._parts.append(Part(text, start))

    def _take_tag(self, opening: re.Match[str]) -> int:
        """Where it ends."""
        start, kind = opening.end(), opening.group()[:2]
        end = self._source.find(_CLOSING[kind], start, start + TAG_CHARACTERS + 2)
        if end < 0:
            raise self._unclosed(opening.start(), kind)
        inside = self._source[start:end]
        self._strips = inside.endswith("-")
        inside = as_meant(inside.removesuffix("-").rstrip())
        self._count(inside, opening.start())
        end += 2
        if kind == "{{":
            if not self._comments:
                inside = inside.rstrip()
                text = inside.lstrip()
                self._parts.append(Part(text, start + len(inside) - len(text), is_tag=True))
            return end
        tag = _TAG.fullmatch(inside)
        if tag is None:
            raise self._wrong(opening.start(), "missing tag name or closing delimiter")
        name, rest = tag.groups()
        if name == "else" and rest and not self._comments:
            # Liquid would leave the condition out unsaid, and print what follows to everybody else.
            condition = rest.removeprefix("if").strip()
            raise self._wrong(opening.start(), f"'else' has no condition; write {{% elsif {condition} %}}")
        if name == "raw" and not rest:
            return self._take_raw(opening.start(), end)
        if name == "comment":
            self._comments += 1
        elif name == "endcomment" and self._comments:
            self._comments -= 1
        elif not self._comments:
            self._parts.append(Part(rest, start + tag.start(2), is_tag=True, name=name))
        return end

    def _take_raw(self, opened: int, start: int) -> int:
        """Text up to the end of the raw block; where that ends."""
        end = _END_OF_RAW.search(self._source, start)
        if end is None:
            raise self._wrong(opened, "a raw block is never closed")
        if not self._comments and end.start() > start:
            self._parts.append(Part(self._source[start : end.start()], start))
        return end.end()

    def _count(self, inside: str, at: int) -> None:
        self._tags += 1
        self._in_tags += len(inside)
        unquoted = _QUOTED.sub('""', inside)
        self._filters += unquoted.count("|")
        if self._tags > MOST_TAGS:
            raise self._wrong(at, f"there are more than {MOST_TAGS} tags")
        if self._in_tags > ALL_TAGS_CHARACTERS:
            raise self._wrong(at, f"the tags have more than {ALL_TAGS_CHARACTERS:,} characters together")
        if self._filters > MOST_FILTERS:
            raise self._wrong(at, f"there are more than {MOST_FILTERS} filters")
        if unquoted.count("(") + inside.count("[") > MOST_BRACKETS:
            raise self._wrong(at, f"a tag has more than {MOST_BRACKETS} brackets")
        if ".." in unquoted:
            raise self._wrong(at, "ranges, as in (1..5), are not supported: a recipient has text only")

    def _unclosed(self, at: int, kind: str) -> TemplateError:
        closing = _CLOSING[kind]
        if self._source.find(closing, at) < 0:
            return self._wrong(at, f"something is not closed; write '{closing}' behind it")
        return self._wrong(at, f"a tag is longer than {TAG_CHARACTERS:,} characters")

    def _wrong(self, at: int, detail: str) -> TemplateError:
        return TemplateError(line_of(self._source, at) + detail)


def as_meant(inside: str) -> str:
    """The inside of a tag with curly quotes as straight ones, HTML's names of signs as these, and every kind of blank
    as one. Text in quotes stays.
    """
    return inside if _TYPED.fullmatch(inside) else _WRITTEN.sub(_plain, inside)


def _plain(written: re.Match[str]) -> str:
    if written["double"] is not None:
        return f'"{written["double"]}"'
    if written["single"] is not None:
        return f"'{written['single']}'"
    if written["sign"] is None:
        return written[0]
    sign = references.read(written["sign"])
    if sign in _NO_WIDTH:
        return ""
    return " " if sign.isspace() else _SIGNS.get(sign, sign)


def line_of(source: str, at: int) -> str:
    """The beginning of a message about this place; empty for a negative one."""
    return f"line {source.count(chr(10), 0, at) + 1}: " if at >= 0 else ""
