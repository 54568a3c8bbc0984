"""Merge values that are more than text: numbers that are compared, dates that are written in the words of a language.

Both have to be written so that nobody can take them for another: `1200.5`, and dates as in ISO 8601.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_NAMED = frozenset({"short", "medium", "long", "full"})
_WORDS = re.compile(r"%(?:([aAbB])|.)", re.DOTALL)  # of weekdays and months, in strftime
_TODAY = frozenset({"now", "today"})


def number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def date_of(text: str) -> datetime | None:
    """A date, with a time or without, as ISO 8601 writes it."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # such as the 30th of February
        return None


def written_date(text: str, form: str, language: str | None) -> str:
    """The date in text, in a form that is named (`short`, `medium`, `long`, `full`) or strftime's; empty for an empty
    text. Without a `language` its words are English. Raises ValueError.
    """
    locale = locale_of(language or "en")
    if not text:
        return ""
    moment = datetime.now(UTC) if text in _TODAY else date_of(text)
    if moment is None:
        raise ValueError(f"'{text}' is no date; write it as 2030-04-13")
    if form in _NAMED:
        return format_date(moment.date(), form, locale)
    return moment.strftime(_WORDS.sub(lambda sign: _word(sign, moment, locale), form))


def _word(sign: re.Match[str], moment: date, locale: Locale) -> str:
    """A month or weekday by its name; other signs as they are."""
    if sign[1] is None:
        return sign[0]
    pattern = {"a": "EEE", "A": "EEEE", "b": "MMM", "B": "MMMM"}[sign[1]]
    return format_date(moment, pattern, locale).replace("%", "%%")


@lru_cache(maxsize=64)
def locale_of(language: str) -> Locale:
    """The locale of a language, such as `de` or `pt-BR`. Raises ValueError."""
    if not _LANGUAGE.fullmatch(language):
        raise ValueError(f"'{language}' is no language; write it as de or pt-BR")
    try:
        return Locale.parse(language, sep="-")
    except UnknownLocaleError:
        raise ValueError(f"the language '{language}' is not known; write it as de or pt-BR") from None
