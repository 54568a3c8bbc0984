"""Keyset pages: a cursor names the last row seen, so a page costs the same wherever it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from app.errors import InvalidInput

T = TypeVar("T")
MAX_LIMIT = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Page(msgspec.Struct, Generic[T], rename="camel"):
    """`next_cursor` is None on the last page."""

    items: list[T]
    next_cursor: str | None


class PageRequest(msgspec.Struct, frozen=True):
    limit: int = 50
    cursor: str | None = None

    def check(self) -> int | None:
        """The id the page starts after, if any. Raises InvalidInput."""
        self._check_limit()
        return None if self.cursor is None else _number(self.cursor)

    def check_time(self) -> tuple[datetime, int] | None:
        """For a list by time: the time, and among the rows of that time the id, that the page starts after, if any.

        Raises InvalidInput.
        """
        self._check_limit()
        if self.cursor is None:
            return None
        micros, _, row_id = self.cursor.partition(".")
        try:
            return _EPOCH + timedelta(microseconds=_number(micros)), _number(row_id)
        except OverflowError:
            raise _not_a_cursor() from None

    def _check_limit(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidInput({"limit": f"{self.limit} is out of range; give 1 to {MAX_LIMIT}"})


def time_key(at: datetime, row_id: int) -> str:
    """The cursor of a row in a list by time."""
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}.{row_id}"


def page_of(items: list[T], keys: Sequence[int | str], limit: int) -> Page[T]:
    """Make a page of the first `limit` of `items`; the query asked for one more to know whether there is a next."""
    more = len(items) > limit
    return Page(items=items[:limit], next_cursor=str(keys[limit - 1]) if more else None)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _not_a_cursor()
    return int(text)


def _not_a_cursor() -> InvalidInput:
    return InvalidInput({"cursor": "not a cursor of this list; pass nextCursor as it came"})
