"""Subjects and bodies with merge fields, in Liquid: `Hello {{ first_name | default: "there" }}`.

Most templates are text with a few names in it. They are filled in here, in a moment; what needs more of Liquid, such
as `{% if %}` or another filter, is rendered by `app.mail.liquid`, in a child process (`app.mail.rendering`). Both give
the same text for what both can do.

A recipient without a required field is an error, never a silent gap as in "Dear ,". Blanks around a value are not
printed, and a value of nothing else is an empty one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import msgspec
from markupsafe import escape

from app.bounds import FIELD_CHARACTERS
from app.mail.markup import Part, TemplateError, parts
from app.mail.names import LIQUID_WORDS, MARKS

MOST_FIELDS = 500  # of one template
MAX_OUTPUT = 2_000_000  # bytes in UTF-8 that a template may render to

ESCAPED = len("&#34;")  # characters that one may become in HTML

_NO_WIDTH = "\u00ad\u200b\u200c\u200d\u2060\u2800\u3164\ufeff" + "\xa0 \t\r\n"  # these may lie between them
_BLANKS = "[ \\n\\t\\r]*+"
_SLOT = re.compile(
    rf"(?P<name>[^\W\d][\w{MARKS}]*+){_BLANKS}"
    rf"(?:\|{_BLANKS}default{_BLANKS}:{_BLANKS}(?P<default>\"[^\"]*+\"|'[^']*+'){_BLANKS})?+"
)


class Source(msgspec.Struct, frozen=True):
    """A template as it was written. With `html`, merge values are escaped where printed. `language`: of dates."""

    text: str
    html: bool = False
    language: str | None = None


class Fields(msgspec.Struct, frozen=True, tag=True):
    """`mentioned`: every merge field of a template. `required`: those that it prints without a `default` and outside
    of any block whose condition looks at them. `dates` are taken for dates, `numbers` compared with one.
    """

    mentioned: frozenset[str]
    required: frozenset[str]
    dates: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()

    def lacks(self, other: Fields) -> bool:
        """Whether another template mentions or requires more."""
        return not (other.mentioned <= self.mentioned and other.required <= self.required)


class Wrong(msgspec.Struct, frozen=True, tag=True):
    """A TemplateError as it comes from another process."""

    detail: str
    field: str | None = None


class Template:
    """Text and merge fields, rendered once for each recipient. `is_constant`: every recipient gets the same text."""

    __slots__ = ("_fixed", "_html", "_pieces", "_places", "fields", "is_constant")

    def __init__(self, pieces: list[str], slots: list[tuple[int, str, str | None]], *, html: bool) -> None:
        self._pieces = pieces
        self._fixed = sum(map(len, pieces))
        places: dict[tuple[str, str | None], list[int]] = {}
        for position, name, default in slots:
            places.setdefault((name, default), []).append(position)
        self._places = [(name, default, positions) for (name, default), positions in places.items()]
        self._html = html
        self.is_constant = not slots
        self.fields = Fields(
            frozenset(name for _, name, _ in slots), frozenset(name for _, name, default in slots if default is None)
        )
        check_number(self.fields.mentioned)

    @classmethod
    def parse(cls, source: Source) -> Template | None:
        """None where it takes more of Liquid. Raises TemplateError for what no template may be."""
        pieces: list[str] = []
        slots: list[tuple[int, str, str | None]] = []
        for part in parts(source.text):
            if not part.is_tag:
                pieces.append(part.text)
            elif slot := _slot(part):
                slots.append((len(pieces), *slot))
                pieces.append("")
            else:
                return None
        return cls(pieces, slots, html=source.html)

    def spare(self, most: int, lengths: Mapping[str, int]) -> int:
        """How many characters the values of a recipient may have together so that the text surely has no more than
        `most`, beside fields that have `lengths`. Negative: it may have more without any.
        """
        each = ESCAPED if self._html else 1
        times, taken = Counter[str](), self._fixed
        for name, default, positions in self._places:
            times[name] += len(positions) * each
            taken += len(positions) * max(len(default or ""), lengths.get(name, 0) * each)
        return (most - taken) // max(times.values(), default=1)

    def length(self, fields: Mapping[str, str]) -> int:
        """How many characters the text has for one recipient. Raises TemplateError as `render` does."""
        return self._fixed + sum(len(text) * len(positions) for text, positions in self._filled(fields))

    def render(self, fields: Mapping[str, str]) -> str:
        """The text for one recipient. A field that is absent or empty takes its `default`.

        Raises TemplateError when a required field is absent or one is too long.
        """
        pieces, length = self._pieces.copy(), self._fixed
        for text, positions in self._filled(fields):
            length += len(text) * len(positions)
            for position in positions:
                pieces[position] = text
        # Nobody writes megabytes only to count them.
        if length > MAX_OUTPUT:
            raise TemplateError(f"the text would be longer than {MAX_OUTPUT:,} characters")
        return "".join(pieces)

    def _filled(self, fields: Mapping[str, str]) -> list[tuple[str, list[int]]]:
        """What stands for the merge fields, and where."""
        filled: list[tuple[str, list[int]]] = []
        for name, default, positions in self._places:
            value = fields.get(name)
            if value:
                if len(value) > FIELD_CHARACTERS:
                    raise too_long(name, value)
                value = value.strip()
                if not value.isascii():
                    value = printed(value)
            if not value and default is not None:
                text = default
            elif value is None:
                raise missing(name)
            else:
                text = escape(value) if self._html else value
            filled.append((text, positions))
        return filled


def _slot(part: Part) -> tuple[str, str | None] | None:
    """Name and default of a merge field; None for any other tag."""
    if part.name is not None or (slot := _SLOT.fullmatch(part.text)) is None or slot["name"] in LIQUID_WORDS:
        return None
    return slot["name"], slot["default"] and slot["default"][1:-1]


def printed(value: str) -> str:
    """A merge field's value without the blanks around it, among which are those without width if there is no more."""
    text = value.strip()
    return text if text.isascii() or text.strip(_NO_WIDTH) else ""


def check_number(fields: frozenset[str]) -> None:
    """Raises TemplateError for more fields than a template may have."""
    if len(fields) > MOST_FIELDS:
        raise TemplateError(f"there are more than {MOST_FIELDS} merge fields")


def missing(name: str) -> TemplateError:
    return TemplateError(f"there is no value for the merge field '{name}'", name)


def too_long(name: str, value: str) -> TemplateError:
    return TemplateError(
        f"the merge field '{name}' has {len(value):,} characters; {FIELD_CHARACTERS:,} are the most", name
    )
