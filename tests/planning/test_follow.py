"""When a later step leaves, at the earliest: after its wait, at its time of day, where the calendar is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.planning.calendar import DAY, Calendar, Opening
from app.domain.planning.campaign_calendar import CampaignCalendar
from app.domain.planning.follow import Clock, Clocks, Due, Wait
from tests.planning.test_slots import calendars, starts

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


def due(
    sent_at: datetime, wait: Wait, calendar: CampaignCalendar | None, zone: str | None, not_before: datetime
) -> Due:
    return Clocks(calendar, not_before).of(zone).due_from(sent_at, wait, not_before)


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


def looked_through(begin: datetime, time_of_day: time | None, calendar: Calendar) -> Due:
    """One by itself, through so many openings as there may be."""
    first = next(calendar.openings(begin))
    if time_of_day is not None:
        found = shown(begin, time_of_day, calendar)
        for _ in range(400):
            opening = next(calendar.openings(found))
            if opening.begin <= found:
                return Due(found, opening.end)
            found = shown(opening.begin, time_of_day, calendar)
    return Due(max(begin, first.begin), first.end)


def shown(begin: datetime, time_of_day: time, calendar: Calendar) -> datetime:
    day = begin.astimezone(calendar.zone).date()
    times = (datetime.combine(day + n * DAY, time_of_day, calendar.zone).astimezone(UTC) for n in (0, 1))
    return next(found for found in times if found >= begin)


times_of_day = st.none() | st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))


@settings(max_examples=60, deadline=None)
@given(start=starts, calendar=calendars, asked=st.lists(st.tuples(st.integers(0, 30_000), times_of_day), max_size=4))
def test_what_a_clock_says_of_many_is_what_looking_through_the_calendar_says_of_each(
    start: datetime, calendar: Calendar, asked: list[tuple[int, time | None]]
) -> None:
    clock = Clock(calendar, start)
    for minutes, time_of_day in asked:
        begin = start + timedelta(minutes=minutes)
        found = clock.leaves(begin, time_of_day)
        looked = looked_through(begin, time_of_day, calendar)
        if time_of_day is not None and not calendar.is_open_at(time_of_day):
            # A day on which the clock skips the time, and shows a later one that is open, makes it no time of its own.
            assert looked.at.astimezone(calendar.zone).time() != time_of_day
            looked = looked_through(begin, None, calendar)
        assert found.at == looked.at
        assert found.until is not None
        assert found.until == looked.until or (found.until > found.at and calendar.opens == calendar.closes)


@pytest.mark.parametrize("time_of_day", [None, time(9, 30), time(17), time(18)])
@pytest.mark.parametrize(
    ("calendar", "most"), [(WEEKDAYS, 3), (msgspec.structs.replace(WEEKDAYS, days=["mon"]), 3), (BERLIN, 1)]
)
def test_a_batch_goes_through_its_calendar_once_and_no_further_than_it_must(
    monkeypatch: pytest.MonkeyPatch, calendar: CampaignCalendar, most: int, time_of_day: time | None
) -> None:
    """Also where the calendar is never open at the time of day."""
    seen: list[Opening] = []
    openings = Calendar.openings

    def counted(self: Calendar, start: datetime) -> Iterator[Opening]:
        for opening in openings(self, start):
            seen.append(opening)
            yield opening

    monkeypatch.setattr(Calendar, "openings", counted)
    sent = at("2026-11-20T07:00")
    clocks = Clocks(calendar, sent)
    for second in range(500):
        clocks.of("ignored").due_from(sent + timedelta(seconds=second), Wait(DAY, False, time_of_day), sent)
    assert 1 <= len(seen) <= most
