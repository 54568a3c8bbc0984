"""Where a campaign's emails may go: clock hours cut by its calendars, and the room that limits leave of each hour.

Pure and lazy: room is worked out when it is asked for, from what is taken by then, so a caller that fills an hour says
so (`Room.take`) before asking for the next.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.planning.calendar import Calendar, Opening

HOUR = timedelta(hours=1)
DAY_HOURS = 24
NEVER_ENDS = datetime.max.replace(tzinfo=UTC) - HOUR

Limit = Literal["HOURLY_LIMIT", "DAILY_LIMIT", "RAMP", "LEAST_GAP", "CAMPAIGN_LIMIT"]
Bound = Limit | Literal["FOLLOW_UPS"]  # what new emails leave to those that are owed


class Slot(NamedTuple):
    """[begin, end), UTC, within one clock hour. `opened`: the calendars that are open all the while, by number, and
    until when each is; None without a calendar.
    """

    begin: datetime
    end: datetime
    opened: tuple[tuple[int, datetime | None], ...]


class Ramp(NamedTuple):
    """`first` emails on a login's first day, `per_day` more for each day before on which it sent."""

    first: int
    per_day: int


class Limits(NamedTuple):
    """Of a login. The daily limit counts a clock hour and the 23 before it; a day of the ramp begins with the first
    clock hour that begins on a day of `zone`. Of the campaign that is planned, `campaign_hourly` is its hourly limit
    where it has one sender alone (`CampaignRoom` is for several), and `share` the most that it takes of what the login
    may send in an hour and in a day, in percent; one email at least. Limits are of recipients, and each email has
    `copies` beside its own; the least gap is one of emails.
    """

    hourly: int
    daily: int | None = None
    least_gap: timedelta = timedelta(0)
    ramp: Ramp | None = None
    zone: ZoneInfo = ZoneInfo("UTC")
    campaign_hourly: int | None = None
    share: int | None = None
    copies: int = 0


def hour_of(at: datetime) -> datetime:
    """The start of the clock hour (UTC) that `at`, an aware UTC time, falls in."""
    return at.replace(minute=0, second=0, microsecond=0)


class Room:
    """The room that a login's limits leave in each clock hour, as emails take it.

    `taken`: by hour, used or planned by all campaigns of the login; `own`: of that, the campaign's; `days_sent`: on how
    many days the login sent before the day `since`, that of the first hour in `taken` unless given.
    """

    def __init__(
        self,
        limits: Limits,
        taken: Mapping[datetime, int],
        own: Mapping[datetime, int] | None = None,
        days_sent: int = 0,
        since: date | None = None,
    ) -> None:
        self._limits = limits
        self._hourly, hourly_bound = _hourly(limits)
        self._hourly_bound: Limit = hourly_bound
        bounds = (limits.campaign_hourly, share_of(self._hourly, limits.share))
        self._own_hourly = min((bound for bound in bounds if bound is not None), default=None)
        self._own_daily = None if limits.daily is None else share_of(limits.daily, limits.share)
        ramp = None if limits.ramp is None else limits.ramp.first + limits.ramp.per_day * days_sent
        every = (self._hourly, self._own_hourly, limits.daily, self._own_daily, ramp)
        self.most = min(bound for bound in every if bound is not None)  # in an hour of which nothing is taken
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
        self._first_days = self._days_before = (since or min(self._by_day, default=None), days_sent)
        self._with_promised: Room | None = None  # the same with what is promised; None: nothing is

    @property
    def hourly(self) -> int:
        """The most of an hour."""
        return self._hourly

    def take(self, hour: datetime, count: int) -> None:
        """`count` recipients of the campaign's get an email in that hour, which comes behind all taken before."""
        number = _number(hour)
        for room in (self, self._with_promised):
            if room is not None:
                room._add(number, count)
                room._add_own(number, count)

    def promise(self, hour: datetime, count: int, *, own: bool = True) -> None:
        """`count` recipients are owed an email in that hour, which nobody new takes from them; less than 0: no more.
        `own`: by the campaign that is planned.
        """
        if self._with_promised is None:
            self._with_promised = copy.copy(self)
            for name in ("_taken", "_own", "_last_24", "_own_last_24", "_by_day"):
                setattr(self._with_promised, name, Counter(getattr(self, name)))
        self._with_promised._add(_number(hour), count)
        if own:
            self._with_promised._add_own(_number(hour), count)

    def left(self, hour: datetime) -> tuple[int, Bound]:
        """How many new emails may leave in that hour, and what allows no more: where it is only a promise, that."""
        if self._with_promised is None:
            return self.left_for_owed(hour)
        left, bound = self._with_promised.left_for_owed(hour)
        return left, "FOLLOW_UPS" if self.left_for_owed(hour)[0] > left else bound

    def left_of_day(self, hours: Sequence[int]) -> int:
        """How many new ones may leave in these of 24 hours in a row, counted from 1970 on, which are asked for in any
        order. Of a day of the ramp, that of the first.
        """
        room = self._with_promised or self
        left = len(hours) * room._hourly - sum(room._taken[number] for number in hours)
        if room._own_hourly is not None:
            left = min(left, len(hours) * room._own_hourly - sum(room._own[number] for number in hours))
        last = hours[0] + DAY_HOURS - 1
        if room._limits.daily is not None:
            left = min(left, room._limits.daily - room._last_24[last])
        if room._own_daily is not None:
            left = min(left, room._own_daily - room._own_last_24[last])
        if room._limits.ramp is not None:
            day = room._day_of(hours[0])
            left = min(left, room._allowed_by_ramp(room._limits.ramp, room._before(day)) - room._by_day[day])
        return max(left, 0)

    def left_for_owed(self, hour: datetime) -> tuple[int, Limit]:
        """How many emails that are owed may leave in that hour; what allows no more."""
        limits, number = self._limits, _number(hour)
        left: int = self._hourly - self._taken[number]
        bound = self._hourly_bound
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
        before = self._before(today)
        self._days_before = (today, before)
        return self._allowed_by_ramp(ramp, before) - self._by_day[today]

    def _before(self, today: date) -> int:
        """On how many days before it the login sends."""
        day, before = self._days_before
        if day is not None and today < day:
            day, before = self._first_days
        while day is not None and day < today:
            before, day = before + (self._by_day[day] > 0), day + timedelta(days=1)
        return before

    def _allowed_by_ramp(self, ramp: Ramp, before: int) -> int:
        return ramp.first + ramp.per_day * before

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


class CampaignRoom:
    """The same of a campaign's hourly limit, over all of its senders; `taken` is the campaign's."""

    def __init__(self, hourly: int, taken: Mapping[datetime, int] | None = None) -> None:
        self.most = self._hourly = hourly
        self._taken = Counter({_number(hour): count for hour, count in (taken or {}).items()})
        self._promised = Counter[int]()

    def take(self, hour: datetime, count: int) -> None:
        self._taken[_number(hour)] += count

    def promise(self, hour: datetime, count: int) -> None:
        self._promised[_number(hour)] += count

    def left(self, hour: datetime) -> tuple[int, Bound]:
        number = _number(hour)
        left = self._hourly - self._taken[number]
        promised = self._promised[number]
        return max(left - promised, 0), "FOLLOW_UPS" if left > 0 and promised else "CAMPAIGN_LIMIT"

    def left_of_day(self, hours: Sequence[int]) -> int:
        taken = sum(self._taken[number] + self._promised[number] for number in hours)
        return max(len(hours) * self._hourly - taken, 0)

    def left_for_owed(self, hour: datetime) -> tuple[int, Limit]:
        return max(self._hourly - self._taken[_number(hour)], 0), "CAMPAIGN_LIMIT"


def share_of(limit: int, share: int | None) -> int | None:
    """Of a limit, `share` percent, and one at least; None: no bound of its own."""
    return None if share is None else max(limit * share // 100, 1)


def _number(hour: datetime) -> int:
    """Of a clock hour, counted from 1970 on."""
    return int(hour.timestamp()) // 3600


def _hourly(limits: Limits) -> tuple[int, Limit]:
    if limits.least_gap and (fit := -(-HOUR // limits.least_gap) * (1 + limits.copies)) < limits.hourly:
        return fit, "LEAST_GAP"
    return limits.hourly, "HOURLY_LIMIT"


def slots(
    start: datetime, calendars: Sequence[Calendar | None] = (None,), ends: datetime | None = None
) -> Iterator[Slot]:
    """From `start` (UTC) on, in order, one instant being in one of them. None lies on both sides of `ends`. They end
    only with calendars that are never open again.
    """
    zones = [
        _Zone(number, _always(start) if one is None else one.openings(start)) for number, one in enumerate(calendars)
    ]
    at = start
    while zones := [zone for zone in zones if zone.goes_on(at)]:
        at = max(at, min(zone.opening.begin for zone in zones))
        opened = [zone for zone in zones if zone.opening.begin <= at]
        edges = [zone.opening.end if zone.opening.begin <= at else zone.opening.begin for zone in zones]
        if ends is not None and at < ends:
            edges.append(ends)
        end = min(*edges, hour_of(at) + HOUR)
        yield Slot(at, end, tuple((zone.number, zone.until) for zone in opened))
        at = end


class _Zone:
    """Where a calendar stands: its opening that is, or is next."""

    def __init__(self, number: int, openings: Iterator[Opening]) -> None:
        self.number = number
        self._openings = openings
        self.opening = Opening(datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))

    @property
    def until(self) -> datetime | None:
        return None if self.opening.end == NEVER_ENDS else self.opening.end

    def goes_on(self, at: datetime) -> bool:
        """Whether it is open then or later."""
        while self.opening.end <= at:
            opening = next(self._openings, None)
            if opening is None:
                return False
            self.opening = opening
        return True


def _always(start: datetime) -> Iterator[Opening]:
    yield Opening(start, NEVER_ENDS)
