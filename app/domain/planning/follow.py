"""When what follows an email leaves, at the earliest: pure.

The wait of a step counts from when the email before it was sent. In days of business it counts the days on which the
campaign sends (Monday to Friday where it has no calendar), by the clock of its zone; then the calendar moves it to
where it is open. It is never earlier than the plain wait.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.planning.calendar import DAY, Calendar
from app.domain.planning.campaign_calendar import RECIPIENT, CampaignCalendar, in_zone
from app.domain.planning.zones import zone_named

WORKDAYS = Calendar(ZoneInfo("UTC"), frozenset(range(5)))


class Wait(NamedTuple):
    """Of a step, after the one before it."""

    length: timedelta
    business_days: bool


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
    opening = None if own is None else next(own.openings(at), None)
    return Due(at, None) if opening is None else Due(opening.begin, opening.end)


def _after_business_days(sent_at: datetime, length: timedelta, calendar: Calendar) -> datetime:
    there = sent_at.astimezone(calendar.zone)
    day, left = there.date(), length.days
    while left:
        day += DAY
        left -= calendar.is_open_on(day)
    return datetime.combine(day, there.timetz()).astimezone(UTC) + (length - timedelta(days=length.days))


def _zone(calendar: CampaignCalendar, zone: str | None) -> str | None:
    return zone_named(zone) if zone is not None and calendar.timezone == RECIPIENT else None
