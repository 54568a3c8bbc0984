"""When what follows an email leaves, at the earliest: pure.

The wait of a step counts from when the email before it was sent. In days of business it counts the days on which the
campaign sends (Monday to Friday where it has no calendar), by the clock of its zone; then its time of day, if it has
one, and the calendar move it to where it is open. It is never earlier than the plain wait.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.planning.calendar import DAY, Calendar, Opening
from app.domain.planning.campaign_calendar import RECIPIENT, CampaignCalendar, in_zone
from app.domain.planning.slots import DAY_HOURS, HOUR, hour_of
from app.domain.planning.zones import zone_named

WORKDAYS = Calendar(ZoneInfo("UTC"), frozenset(range(5)))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Wait(NamedTuple):
    """Of a step, after the one before it; `time_of_day`: at which it leaves, by the calendar's clock, or UTC."""

    length: timedelta
    business_days: bool = False
    time_of_day: time | None = None

    @staticmethod
    def of_row(row: Sequence[float]) -> Wait:
        """Of seconds, whether days are of business, and the seconds of the day, less than 0 without a time."""
        length, business_days, seconds = row
        time_of_day = None if seconds < 0 else (EPOCH + timedelta(seconds=seconds)).time()
        return Wait(timedelta(seconds=length), bool(business_days), time_of_day)


class Due(NamedTuple):
    """UTC; `until`: the end of the opening of the calendar that it lies in."""

    at: datetime
    until: datetime | None


class Spread(NamedTuple):
    """`size` emails, each `gap` after the one before, the first at `at`."""

    at: datetime
    size: int
    gap: timedelta


def _waited(sent_at: datetime, wait: Wait, calendar: Calendar | None) -> datetime:
    at = sent_at + wait.length
    return max(at, _after_business_days(sent_at, wait.length, calendar or WORKDAYS)) if wait.business_days else at


def _next_time(at: datetime, time_of_day: time, zone: ZoneInfo) -> datetime:
    """The first instant from `at` on at which the clock of the zone shows it; one that it skips is an hour later."""
    day = at.astimezone(zone).date()
    found = datetime.combine(day, time_of_day, zone).astimezone(UTC)
    return found if found >= at else datetime.combine(day + DAY, time_of_day, zone).astimezone(UTC)


def _after_business_days(sent_at: datetime, length: timedelta, calendar: Calendar) -> datetime:
    there = sent_at.astimezone(calendar.zone)
    day, left = there.date(), length.days
    while left:
        day += DAY
        left -= calendar.is_open_on(day)
    return datetime.combine(day, there.timetz()).astimezone(UTC) + (length - timedelta(days=length.days))


class Clock:
    """When what follows falls due by one calendar, asked a great many times and for nothing before `start`."""

    def __init__(self, calendar: Calendar | None, start: datetime) -> None:
        self._calendar = calendar
        self._more: Iterator[Opening] = iter(()) if calendar is None else calendar.openings(start)
        self._begins: list[datetime] = []
        self._ends: list[datetime] = []
        self._open_hours: dict[int, list[int]] = {}

    def due(self, sent_at: datetime, wait: Wait) -> datetime:
        return self.leaves(_waited(sent_at, wait, self._calendar), wait.time_of_day).at

    def due_from(self, sent_at: datetime, wait: Wait, not_before: datetime) -> Due:
        """`not_before`: now, or until when the recipient is away."""
        at = max(_waited(sent_at, wait, self._calendar), not_before).astimezone(UTC)
        return self.leaves(at, wait.time_of_day)

    def leaves(self, at: datetime, time_of_day: time | None) -> Due:
        """Where the calendar is open from `at` on, at the time of day, if there is one; if the calendar is never open
        then, when it opens next.
        """
        if self._calendar is None:
            return Due(at if time_of_day is None else _next_time(at, time_of_day, WORKDAYS.zone), None)
        opening = self.opening(at)
        if opening is None:
            return Due(at, None)
        if time_of_day is None or not self._calendar.is_open_at(time_of_day):
            return Due(max(at, opening.begin), opening.end)
        # The time lies within the hours of each open day, so a few turns find it: past a weekend, a holiday, or the
        # day on which the clock skips it.
        found = _next_time(at, time_of_day, self._calendar.zone)
        while (later := self.opening(found)) is not None:
            if later.begin <= found:
                return Due(found, later.end)
            found = _next_time(later.begin, time_of_day, self._calendar.zone)
        return Due(max(at, opening.begin), opening.end)

    def opening(self, at: datetime) -> Opening | None:
        """The one that it lies in, or the next; None: there is no calendar, or it is never open again."""
        while not self._ends or self._ends[-1] <= at:
            more = next(self._more, None)
            if more is None:
                return None
            self._begins.append(more.begin)
            self._ends.append(more.end)
        number = bisect_right(self._ends, at)
        return Opening(self._begins[number], self._ends[number])

    def open_hours(self, at: datetime) -> list[int]:
        """The open ones of the clock hour of `at` and the 23 behind it, counted from 1970; that of `at` always."""
        first = (at - EPOCH) // HOUR
        if self._calendar is None:
            return list(range(first, first + DAY_HOURS))
        if first not in self._open_hours:
            hours = (first, *(hour for hour in range(first + 1, first + DAY_HOURS) if self._is_open(hour)))
            self._open_hours[first] = list(hours)
        return self._open_hours[first]

    def _is_open(self, hour: int) -> bool:
        begin = EPOCH + hour * HOUR
        opening = self.opening(begin)
        return opening is not None and opening.begin < begin + HOUR

    def follow(self, sent: Spread, wait: Wait) -> Iterator[Spread]:
        """When the emails fall due that follow these: as many spreads as there are hours and leaps among them."""
        first, last = (self.due(sent.at + number * sent.gap, wait) for number in (0, sent.size - 1))
        if (
            hour_of(first) == hour_of(last)
            and ((first == last) or (last - first == (sent.size - 1) * sent.gap and self._in_one(first, last)))
            and self._wait_alike(sent, wait)
        ):
            yield Spread(first, sent.size, timedelta(0) if first == last else sent.gap)
            return
        half = sent.size // 2
        yield from self.follow(Spread(sent.at, half, sent.gap), wait)
        yield from self.follow(Spread(sent.at + half * sent.gap, sent.size - half, sent.gap), wait)

    def _wait_alike(self, sent: Spread, wait: Wait) -> bool:
        """Whether these wait equally long. In days of business, what is sent on Sunday morning may fall due before what
        is sent on Saturday evening, so the first and the last tell of those between them only within one date.
        """
        if not wait.business_days or sent.size == 1:
            return True
        zone = (self._calendar or WORKDAYS).zone
        ends = sent.at, sent.at + (sent.size - 1) * sent.gap
        first, last = (_waited(at, wait, self._calendar) - at for at in ends)
        return first == last and ends[0].astimezone(zone).date() == ends[1].astimezone(zone).date()

    def _in_one(self, first: datetime, last: datetime) -> bool:
        """Whether no closed time lies between two times that are open."""
        opening = self.opening(first)
        return opening is None or last < opening.end


class Clocks:
    """A `Clock` for each zone that recipients bring, by one campaign's calendar."""

    def __init__(self, calendar: CampaignCalendar | None, start: datetime) -> None:
        self._calendar = calendar
        self._start = start.astimezone(UTC)
        self._of: dict[str | None, Clock] = {}

    def of(self, zone: str | None) -> Clock:
        """`zone`: what the recipient says of theirs."""
        if self._calendar is None or self._calendar.timezone != RECIPIENT:
            zone = None
        if zone not in self._of:
            calendar = None if self._calendar is None else in_zone(self._calendar, zone and zone_named(zone))
            self._of[zone] = Clock(calendar, self._start)
        return self._of[zone]
