"""When a campaign may send: days, hours and a zone, as instants.

An instant is open when the wall clock of the zone shows a time from `opens` to before `closes` on one of the days. So
in a night of changing clocks an hour that is skipped is not made up for, and one that comes twice is open twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
NEVER_AFTER = timedelta(days=400)  # a calendar that is not open once in so long a time never is


class Opening(NamedTuple):
    """UTC: `begin` belongs to it, `end` does not."""

    begin: datetime
    end: datetime


class Calendar(NamedTuple):
    """`days`: weekdays, Monday is 0. `closes` at or before `opens` means on the next morning, so equal times are the
    whole day round; the hours after midnight belong to the day that they began on. `holidays` are days without.
    """

    zone: ZoneInfo
    days: frozenset[int] = frozenset(range(7))
    opens: time = time()
    closes: time = time()
    holidays: frozenset[date] = frozenset()

    def openings(self, start: datetime) -> Iterator[Opening]:
        """From `start` (UTC) on, in order, none touching the next; without end unless it is never open again.

        Open without end (every day, day and night) is cut at some time, or nobody would hear of it.
        """
        if self._is_always_open:
            while True:
                yield (held := Opening(start, start + NEVER_AFTER))
                start = held.end
        held: Opening | None = None
        for piece in self._pieces(start):
            if held is not None and held.end == piece.begin:
                held = Opening(held.begin, piece.end)
                # Between two holidays that lie further apart than that.
                if held.end - held.begin < NEVER_AFTER:
                    continue
                yield held
                held = None
                continue
            if held is not None:
                yield held
            held = piece
        if held is not None:
            yield held

    def is_open_at(self, time_of_day: time) -> bool:
        """Whether the clock shows it within the hours of an open day."""
        if self.opens < self.closes:
            return self.opens <= time_of_day < self.closes
        return time_of_day >= self.opens or time_of_day < self.closes

    @property
    def _is_always_open(self) -> bool:
        return len(self.days) == 7 and self.opens == self.closes and not self.holidays

    def is_open_on(self, day: date) -> bool:
        """Whether a window begins on this day of the zone."""
        return day.weekday() in self.days and day not in self.holidays

    def _pieces(self, start: datetime) -> Iterator[Opening]:
        """Openings cut wherever the zone's offset changes and at each midnight UTC."""
        at, last_open = start, start
        while at - last_open < NEVER_AFTER:
            for begin, end in self._steady(at, at.replace(hour=0, minute=0, second=0, microsecond=0) + DAY):
                for opening in self._within(begin, end):
                    yield opening
                    last_open = opening.end
                at = end

    def _steady(self, begin: datetime, end: datetime) -> Iterator[Opening]:
        """[begin, end) in pieces of one offset each. No zone changes its offset twice within a day."""
        if self._offset(begin) != self._offset(end - timedelta(microseconds=1)):
            low, high = begin, end
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if self._offset(middle) == self._offset(begin) else (low, middle)
            change = high.replace(microsecond=0)
            yield Opening(begin, change)
            begin = change
        yield Opening(begin, end)

    def _within(self, begin: datetime, end: datetime) -> Iterator[Opening]:
        """The openings within a piece of one offset, in which the wall clock runs evenly."""
        offset = self._offset(begin)
        wall_begin, wall_end = (at.replace(tzinfo=None) + offset for at in (begin, end))
        day = wall_begin.date() - DAY  # whose window may reach past midnight
        while datetime.combine(day, self.opens) < wall_end:
            if self.is_open_on(day):
                opens = datetime.combine(day, self.opens)
                closes = datetime.combine(day if self.closes > self.opens else day + DAY, self.closes)
                opens, closes = max(opens, wall_begin), min(closes, wall_end)
                if opens < closes:
                    yield Opening((opens - offset).replace(tzinfo=UTC), (closes - offset).replace(tzinfo=UTC))
            day += DAY

    def _offset(self, at: datetime) -> timedelta:
        offset = at.astimezone(self.zone).utcoffset()
        return offset if offset is not None else timedelta(0)
