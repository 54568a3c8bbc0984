"""When what follows an email leaves, at the earliest: pure.

The wait of a step counts from when the email before it was sent. In days of business it counts the days on which the
campaign sends (Monday to Friday where it has no calendar), by the clock of its zone; then its time of day, if it has
one, and the calendar move it to where it is open. It is never earlier than the plain wait.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.planning.calendar import DAY, Calendar
from app.domain.planning.campaign_calendar import RECIPIENT, CampaignCalendar, in_zone
from app.domain.planning.zones import zone_named

MOST_DAYS = 400  # of a calendar that are looked at for one that is open at a time of day
WORKDAYS = Calendar(ZoneInfo("UTC"), frozenset(range(5)))


class Wait(NamedTuple):
    """Of a step, after the one before it; `time_of_day`: at which it leaves, by the calendar's clock, or UTC."""

    length: timedelta
    business_days: bool
    time_of_day: time | None = None


class Due(NamedTuple):
    """UTC; `until`: the end of the opening of the calendar that it lies in."""

    at: datetime
    until: datetime | None


def due(
    sent_at: datetime, wait: Wait, calendar: CampaignCalendar | None, zone: str | None, not_before: datetime
) -> Due:
    """`zone`: what the recipient says of theirs; `not_before`: now, or until when the recipient is away."""
    own = None if calendar is None else in_zone(calendar, _zone(calendar, zone))
    at = sent_at + wait.length
    if wait.business_days:
        at = max(at, _after_business_days(sent_at, wait.length, own or WORKDAYS))
    at = max(at, not_before).astimezone(UTC)
    if wait.time_of_day is not None:
        return _at_time_of_day(at, wait.time_of_day, own)
    opening = None if own is None else next(own.openings(at), None)
    return Due(at, None) if opening is None else Due(opening.begin, opening.end)


def _at_time_of_day(at: datetime, time_of_day: time, calendar: Calendar | None) -> Due:
    """The first day from `at` on at which the calendar is open then; if it never is any more, when it opens next."""
    zone = WORKDAYS.zone if calendar is None else calendar.zone
    found = _next_time(at, time_of_day, zone)
    if calendar is None:
        return Due(found, None)
    first = next(calendar.openings(at), None)
    for _ in range(MOST_DAYS):
        opening = next(calendar.openings(found), None)
        if opening is None:
            break
        if opening.begin == found:
            return Due(found, opening.end)
        found = _next_time(opening.begin, time_of_day, zone)
    return Due(at, None) if first is None else Due(first.begin, first.end)


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


def _zone(calendar: CampaignCalendar, zone: str | None) -> str | None:
    return zone_named(zone) if zone is not None and calendar.timezone == RECIPIENT else None
