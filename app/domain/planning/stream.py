"""A sender's part in a plan: where its next place is, and which places are taken ahead of what is new."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from app.domain.planning.slots import Room, Slot

MICROSECOND = timedelta(microseconds=1)


class Pace(NamedTuple):
    """Places of a stream lie `gap` apart, and an email leaves at most `jitter` after its own."""

    gap: timedelta
    jitter: timedelta = timedelta(0)


def pace_of(delay: timedelta, jitter_percent: int = 0, least_gap: timedelta = timedelta(0)) -> Pace:
    """The delay, or as much more as keeps two emails `least_gap` apart, the jitter included."""
    jitter = delay * jitter_percent / 100
    return Pace(max(delay, least_gap + jitter) if least_gap else delay, jitter)


class Stream:
    """`at` is its next place. Streams of one login share its `room`."""

    def __init__(self, at: datetime, pace: Pace, room: Room, offset: timedelta = timedelta(0)) -> None:
        """`offset`: how far behind an opening it begins, to keep away from other streams of its login."""
        self.at = at + offset
        self.pace = pace
        self.room = room
        self.offset = offset
        # Taken by what follows earlier emails, from a first place each to where the next may be: in order, apart.
        self._taken: list[tuple[datetime, datetime]] = []

    def next_in(self, slot: Slot) -> datetime:
        return self.at if self.at >= slot.begin else slot.begin + self.offset

    def next_for_owed(self, slot: Slot) -> datetime:
        """Behind all that has a place; new emails fill what lies between."""
        at = self.next_in(slot)
        return max(at, self._taken[-1][1]) if self._taken else at

    def take_ahead(self, begin: datetime, end: datetime) -> None:
        """Places of what is owed, the next one from `end` on."""
        if not self.pace.gap:
            return
        if self._taken and begin <= self._taken[-1][1]:
            self._taken[-1] = (self._taken[-1][0], end)
        else:
            self._taken.append((begin, end))

    def edges(self, slot: Slot) -> list[datetime]:
        """Where, within the slot, places that are taken begin and end."""
        while self._taken and self._taken[0][1] <= slot.begin:
            del self._taken[0]
        return [edge for taken in self._taken for edge in taken if slot.begin < edge < slot.end]

    def free_in(self, slot: Slot) -> tuple[datetime, datetime]:
        """The first place for somebody new in a slot with none of the `edges` within, and by when the last one lies."""
        at, end = self.next_in(slot), slot.end
        for begin, behind in self._taken:
            if begin <= slot.begin < behind:
                return end, end
            if begin >= slot.end:
                return at, min(end, begin - self.pace.gap + MICROSECOND)
        return at, end
