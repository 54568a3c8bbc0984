"""Liquid's filters on text, each charged for its work before it does it; what a rendering has spent is `work`'s."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import cast

from liquid import Environment
from liquid.exceptions import FilterError, ResourceLimitError
from liquid.filter import string_filter, with_environment
from liquid.stringify import to_liquid_string
from markupsafe import Markup, soft_str

from app.mail import values
from app.mail.strip_html import strip_html

MOST_WORK = 5_000_000  # characters through filters and searches in one rendering, those of slow filters several times
MAX_VALUE = 200_000  # characters of what a filter returns; bytes of all the variables a template sets
MOST_PIECES = 10_000  # that `split` may make of a text
MOST_DATE = 100  # characters of a date, and of the format of one

# The cost of each character to a filter, in characters that the fastest pass in the same time.
FILTERS = {
    "append": 1,
    "capitalize": 10,
    "date": 100,
    "default": 1,
    "downcase": 10,
    "escape": 3,
    "escape_once": 40,
    "first": 1,
    "last": 1,
    "lstrip": 1,
    "newline_to_br": 20,
    "prepend": 1,
    "remove": 3,
    "remove_first": 3,
    "remove_last": 3,
    "replace": 3,
    "replace_first": 3,
    "replace_last": 3,
    "rstrip": 1,
    "size": 1,
    "slice": 1,
    "split": 10,
    "squish": 20,
    "strip": 1,
    "strip_html": 20,
    "strip_newlines": 20,
    "truncate": 1,
    "truncatewords": 10,
    "upcase": 10,
    "url_decode": 20,
    "url_encode": 40,
}
_OF_LISTS = frozenset({"default", "first", "last", "size", "slice"})  # all others take a list as its text
_SEARCHING = frozenset({"remove", "remove_first", "remove_last", "replace", "replace_first", "replace_last", "split"})


class _Work:
    """The work that the current rendering has spent. There is one at a time: a child process has one thread."""

    def __init__(self) -> None:
        self._spent = 0

    def begin(self) -> None:
        self._spent = 0

    def charge(self, characters: int) -> None:
        self._spent += characters
        if self._spent > MOST_WORK:
            raise ResourceLimitError("the template is too much work: its filters go through too long texts", token=None)


work = _Work()


def _size(value: object) -> int:
    """In characters, about. A filter that takes lists looks at their items; others are given their text."""
    if isinstance(value, str):
        return len(value)
    return 50 * len(cast("list[object]", value)) if isinstance(value, list) else 20


def charge_search(text: object, wanted: object) -> None:
    """Charge the search for `wanted`: in long texts str.find is linear, in shorter ones only nearly."""
    size, length = _size(text), _size(wanted)
    work.charge(size * min(length, 100 if size < 30_000 else 6))


def _bounded(name: str, filter_: Callable[..., object]) -> Callable[..., object]:
    cost = FILTERS[name]

    @wraps(filter_)  # carries over the marks by which Liquid knows what to pass to a filter
    def bounded(*args: object, **options: object) -> object:
        if any(isinstance(arg, range) for arg in args):
            raise FilterError(f"{name}: takes text, not a range", token=None)
        if name not in _OF_LISTS:
            # As printing does. Python's own text of a list doubles each backslash, so it grows from filter to filter.
            args = tuple(to_liquid_string(arg, autoescape=False) if isinstance(arg, list) else arg for arg in args)
        work.charge(20 + cost * sum(_size(arg) for arg in args))
        if name in _SEARCHING and len(args) > 1:
            charge_search(args[0], args[1])
        try:
            result = filter_(*args, **options)
        except (ValueError, TypeError, ArithmeticError, OSError) as error:
            # Such as a date of the year 56052: one recipient's value, not the end of the world.
            raise FilterError(f"{name}: {error}", token=None) from error
        if isinstance(result, str) and len(result) > MAX_VALUE:
            raise _grown()
        work.charge(_size(result))
        return result

    return bounded


def _grown() -> ResourceLimitError:
    return ResourceLimitError(f"a value grows beyond {MAX_VALUE} characters", token=None)


@string_filter
def _replace(text: str, old: object, new: object = "") -> str:
    """Liquid's `replace`: it alone multiplies lengths, so its result is bounded before it is made."""
    old, new = soft_str(old), soft_str(new)
    if text.count(old) * len(new) > MAX_VALUE:
        raise _grown()
    return text.replace(old, new)


@string_filter
def _split(text: str, separator: object = "") -> list[str]:
    """Liquid's `split`, into so many pieces at most."""
    separator = soft_str("" if separator is None else separator)
    if not separator:
        pieces = list(text[: MOST_PIECES + 1])
    elif not text or text == separator:
        return []
    else:
        pieces = text.split(None if separator == " " else separator, MOST_PIECES)
    if len(pieces) > MOST_PIECES:
        raise ResourceLimitError(f"split: makes more than {MOST_PIECES:,} pieces", token=None)
    return pieces


@with_environment
@string_filter
def _strip_html(text: str, *, environment: Environment) -> str:
    stripped = strip_html(str(text))
    return Markup(stripped) if environment.autoescape and isinstance(text, Markup) else stripped  # noqa: S704 -- as it was


@with_environment
def _date(value: object, format_: object = None, language: object = None, *, environment: Environment) -> object:
    """`date: "long"`, in the words of the template's language or another, or by strftime's signs."""
    if len(str(value)) > MOST_DATE or len(str(format_)) > MOST_DATE:
        raise FilterError(f"date: dates and their formats have at most {MOST_DATE} characters", token=None)
    spoken = str(language) if language else getattr(environment, "language", None)
    text = values.written_date(str(value), "medium" if format_ is None else str(format_), spoken)
    return Markup(text) if environment.autoescape and isinstance(format_, Markup) else text  # noqa: S704 -- as it was


_OURS: dict[str, Callable[..., object]] = {
    "replace": _replace,
    "split": _split,
    "strip_html": _strip_html,
    "date": _date,
}


def bounded(filters: Mapping[str, Callable[..., object]]) -> dict[str, Callable[..., object]]:
    """Those of Liquid's that a template may use, or ours in their place."""
    return {name: _bounded(name, _OURS.get(name) or filters[name]) for name in FILTERS}
