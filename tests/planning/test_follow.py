"""When a later step leaves, at the earliest: after its wait, at its time of day, where the calendar is open."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import msgspec
import pytest

from app.domain.planning.campaign_calendar import CampaignCalendar
from app.domain.planning.follow import Wait, due

DAY = timedelta(days=1)
WEEKDAYS = CampaignCalendar(
    timezone="Europe/Berlin", days=["mon", "tue", "wed", "thu", "fri"], opens="09:00", closes="17:00"
)
ALWAYS = CampaignCalendar(
    timezone="recipient",
    fallback_timezone="UTC",
    days=["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    opens="00:00",
    closes="00:00",
)
BERLIN = msgspec.structs.replace(ALWAYS, timezone="Europe/Berlin", fallback_timezone=None)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "wait", "calendar", "zone", "leaves"),
    [
        ("2026-11-20T08:00", Wait(DAY, False, time(9)), None, None, "2026-11-21T09:00"),
        # Never earlier than the wait.
        ("2026-11-20T09:01", Wait(DAY, False, time(9)), None, None, "2026-11-22T09:00"),
        # By the calendar's clock, on a day on which it is open.
        ("2026-11-20T07:00", Wait(DAY, False, time(10, 30)), WEEKDAYS, None, "2026-11-23T09:30"),
        ("2026-11-20T07:00", Wait(2 * DAY, True, time(10, 30)), WEEKDAYS, None, "2026-11-24T09:30"),
        # By the recipient's.
        ("2026-11-20T07:00", Wait(DAY, False, time(9)), ALWAYS, "America/New_York", "2026-11-21T14:00"),
        # Where the calendar is never open then, when it opens next.
        ("2026-11-20T07:00", Wait(DAY, False, time(20)), WEEKDAYS, None, "2026-11-23T08:00"),
        # A time that the clock skips that day.
        ("2026-03-28T00:00", Wait(DAY, False, time(2, 30)), BERLIN, None, "2026-03-29T01:30"),
    ],
)
def test_a_step_leaves_at_its_time_of_day(
    sent: str, wait: Wait, calendar: CampaignCalendar | None, zone: str | None, leaves: str
) -> None:
    assert due(at(sent), wait, calendar, zone, at("2026-01-01T00:00")).at == at(leaves)


def test_what_waits_for_somebodys_return_leaves_at_its_time_of_day_after_that() -> None:
    found = due(at("2026-11-20T07:00"), Wait(DAY, False, time(10)), WEEKDAYS, None, at("2026-11-30T12:00"))
    assert (found.at, found.until) == (at("2026-12-01T09:00"), at("2026-12-01T16:00"))
