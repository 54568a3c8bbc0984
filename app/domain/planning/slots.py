"""Where a campaign's emails may go: clock hours cut by its calendar, each with the room that all limits leave.

Pure and lazy: a slot's room is worked out when it is asked for, from what is taken by then, so whoever fills a slot
says so (`Room.take`) before asking for the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.planning.calendar import Calendar, Opening

HOUR = timedelta(hours=1)
DAY_HOURS = 24

Bound = Literal["HOURLY_LIMIT", "DAILY_LIMIT", "RAMP", "LEAST_GAP", "CAMPAIGN_LIMIT"]


class Slot(NamedTuple):
    """[begin, end), UTC, within one clock hour: `room` emails may still leave in that hour, `bound` says what allows no
    more. `until`: the end of the calendar's opening that it lies in, None without a calendar.
    """

    begin: datetime
    end: datetime
    room: int
    bound: Bound
    until: datetime | None


class Ramp(NamedTuple):
    """`first` emails on a login's first day, `per_day` more for each day before on which it sent."""

    first: int
    per_day: int


class Limits(NamedTuple):
    """Of a login, and the hourly limit of the campaign that is planned. The daily limit counts a clock hour and the 23
    before it; a day of the ramp begins with the first clock hour that begins on a day of `zone`. `share`: the most that
    the campaign takes of what the login may send in an hour and in a day, in percent; one email at least.
    """

    hourly: int
    daily: int | None = None
    least_gap: timedelta = timedelta(0)
    ramp: Ramp | None = None
    zone: ZoneInfo = ZoneInfo("UTC")
    campaign_hourly: int | None = None
    share: int | None = None


def hour_of(at: datetime) -> datetime:
    """The start of the clock hour (UTC) that `at`, an aware UTC time, falls in."""
    return at.replace(minute=0, second=0, microsecond=0)


class Room:
    """What limits leave of each clock hour, as emails take it.

    `taken`: by hour, used or planned by all campaigns of the login; `own`: of that, the campaign's; `days_sent`: on how
    many days the login sent before the first hour in `taken`.
    """

    def __init__(
        self,
        limits: Limits,
        taken: Mapping[datetime, int],
        own: Mapping[datetime, int] | None = None,
        days_sent: int = 0,
    ) -> None:
        self._limits = limits
        self._hourly, self._hourly_bound = _hourly(limits)
        self._own_hourly = least_of(limits.campaign_hourly, share_of(self._hourly, limits.share))
        self._own_daily = None if limits.daily is None else share_of(limits.daily, limits.share)
        self._taken: Counter[int] = Counter()
        self._own: Counter[int] = Counter()
        self._last_24: Counter[int] = Counter()  # by hour: what it and the 23 before it hold
        self._own_last_24: Counter[int] = Counter()
        self._by_day: Counter[date] = Counter()
        for hour, count in taken.items():
            self._add(_number(hour), count)
        for hour, count in (own or {}).items():
            self._add_own(_number(hour), count)
        # A day, and on how many days before it the login sent.
        self._days_before = (min(self._by_day, default=None), days_sent)

    def take(self, hour: datetime, count: int) -> None:
        """`count` of the campaign's emails leave in that hour, which comes behind all that were taken before."""
        self._add(_number(hour), count)
        self._add_own(_number(hour), count)

    def left(self, hour: datetime) -> tuple[int, Bound]:
        """How many more may leave in that hour, no earlier than the one asked for before; what allows no more."""
        limits, number = self._limits, _number(hour)
        left = self._hourly - self._taken[number]
        bound: Bound = self._hourly_bound
        if self._own_hourly is not None and self._own_hourly - self._own[number] < left:
            left, bound = self._own_hourly - self._own[number], "CAMPAIGN_LIMIT"
        if limits.daily is not None:
            # Of every 24 hours that this one is in: what others have planned for tomorrow morning keeps its room.
            fullest = max(self._last_24[later] for later in range(number, number + DAY_HOURS))
            if limits.daily - fullest < left:
                left, bound = limits.daily - fullest, "DAILY_LIMIT"
        if self._own_daily is not None:
            fullest = max(self._own_last_24[later] for later in range(number, number + DAY_HOURS))
            if self._own_daily - fullest < left:
                left, bound = self._own_daily - fullest, "CAMPAIGN_LIMIT"
        if limits.ramp is not None and (today := self._left_of_ramp(limits.ramp, number)) < left:
            left, bound = today, "RAMP"
        return max(left, 0), bound

    def _left_of_ramp(self, ramp: Ramp, number: int) -> int:
        """Of the day's: what leaves today takes nothing from the days behind it."""
        today = self._day_of(number)
        day, before = self._days_before
        while day is not None and day < today:
            before, day = before + (self._by_day[day] > 0), day + timedelta(days=1)
        self._days_before = (today, before)
        return ramp.first + ramp.per_day * before - self._by_day[today]

    def _add(self, number: int, count: int) -> None:
        self._taken[number] += count
        if self._limits.daily is not None:
            for later in range(number, number + DAY_HOURS):
                self._last_24[later] += count
        if self._limits.ramp is not None:
            self._by_day[self._day_of(number)] += count

    def _add_own(self, number: int, count: int) -> None:
        self._own[number] += count
        if self._own_daily is not None:
            for later in range(number, number + DAY_HOURS):
                self._own_last_24[later] += count

    def _day_of(self, number: int) -> date:
        return datetime.fromtimestamp(number * 3600, self._limits.zone).date()


def share_of(limit: int, share: int | None) -> int | None:
    """Of a limit, `share` percent, and one at least; None: no bound of its own."""
    return None if share is None else max(limit * share // 100, 1)


def least_of(*limits: int | None) -> int | None:
    """None: there is none."""
    return min((limit for limit in limits if limit is not None), default=None)


def _number(hour: datetime) -> int:
    """Of a clock hour, counted from 1970 on."""
    return int(hour.timestamp()) // 3600


def _hourly(limits: Limits) -> tuple[int, Bound]:
    if limits.least_gap and (fit := -(-HOUR // limits.least_gap)) < limits.hourly:
        return fit, "LEAST_GAP"
    return limits.hourly, "HOURLY_LIMIT"


def slots(start: datetime, room: Room, calendar: Calendar | None = None) -> Iterator[Slot]:
    """From `start` (UTC) on, in order, those without room included. They end only with a calendar that is never open
    again.
    """
    for opening in _always(start) if calendar is None else calendar.openings(start):
        begin = opening.begin
        while begin < opening.end:
            hour = hour_of(begin)
            end = min(hour + HOUR, opening.end)
            yield Slot(begin, end, *room.left(hour), opening.end if calendar is not None else None)
            begin = end


def _always(start: datetime) -> Iterator[Opening]:
    yield Opening(start, datetime.max.replace(tzinfo=UTC) - HOUR)
