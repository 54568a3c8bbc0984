"""Keyset pages: a cursor names the last row seen, so a page costs the same wherever it is."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from app.errors import InvalidInput

T = TypeVar("T")
MAX_LIMIT = 500


class Page(msgspec.Struct, Generic[T], rename="camel"):
    """`next_cursor` is None on the last page."""

    items: list[T]
    next_cursor: str | None


class PageRequest(msgspec.Struct, frozen=True):
    limit: int = 50
    cursor: str | None = None

    def check(self) -> int | None:
        """The id the page starts after, if any. Raises InvalidInput."""
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidInput({"limit": f"{self.limit} is out of range; give 1 to {MAX_LIMIT}"})
        if self.cursor is None:
            return None
        if not (self.cursor.isascii() and self.cursor.isdigit() and len(self.cursor) < 19):
            raise InvalidInput({"cursor": "not a cursor of this list; pass nextCursor as it came"})
        return int(self.cursor)


def page_of(items: list[T], ids: list[int], limit: int) -> Page[T]:
    """Make a page of the first `limit` of `items`; the query asked for one more to know whether there is a next."""
    more = len(items) > limit
    return Page(items=items[:limit], next_cursor=str(ids[limit - 1]) if more else None)
