"""Slots, calendars and plans against a slow reference that walks minute by minute and knows nothing of slots."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.planning.calendar import Calendar
from app.domain.planning.plan import HORIZON, plan
from app.domain.planning.slots import Limits, Ramp, Room, hour_of, slots
from app.errors import InvalidInput

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns",
         "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "America/Santiago"]  # fmt: skip
# A Thursday; the next weekend the clocks of Europe, and in the other half of the cases those of America, change.
STARTS = [datetime(2026, 3, 26, tzinfo=UTC), datetime(2026, 10, 22, tzinfo=UTC), datetime(2026, 10, 29, tzinfo=UTC),
          datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)]  # fmt: skip
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Calendar(BERLIN, frozenset(range(5)), time(9), time(17))


def is_open(calendar: Calendar, at: datetime) -> bool:
    """What the calendar means, by the wall clock alone."""
    wall = at.astimezone(calendar.zone)
    clock, day = wall.time(), wall.date()
    on_day = calendar.is_open_on(day)
    if calendar.closes > calendar.opens:
        return on_day and calendar.opens <= clock < calendar.closes
    return (on_day and clock >= calendar.opens) or (calendar.is_open_on(day - DAY) and clock < calendar.closes)


def reference(
    count: int, start: datetime, gap: timedelta, limits: Limits, taken: Counter[datetime], calendar: Calendar | None
) -> list[datetime]:
    """The same plan, minute by minute, every limit counted anew from all the times there are."""
    hours, own, at = Counter(taken), Counter[datetime](), start
    times: list[datetime] = []
    while len(times) < count:
        if calendar is not None and not is_open(calendar, at):
            at += MINUTE
        elif not _allowed(hour_of(at), limits, hours, own):
            at = hour_of(at) + HOUR  # limits hold for whole hours
        else:
            times.append(at)
            hours[hour_of(at)] += 1
            own[hour_of(at)] += 1
            at += gap
    return times


def _allowed(hour: datetime, limits: Limits, hours: Counter[datetime], own: Counter[datetime]) -> bool:
    after = hours + Counter({hour: 1})
    if after[hour] > limits.hourly:
        return False
    if limits.least_gap and (after[hour] - 1) * limits.least_gap >= HOUR:
        return False
    if limits.campaign_hourly is not None and own[hour] >= limits.campaign_hourly:
        return False
    ours = own + Counter({hour: 1})
    if limits.share is not None:
        an_hour = limits.hourly if not limits.least_gap else min(limits.hourly, ceil(HOUR / limits.least_gap))
        if ours[hour] > max(1, an_hour * limits.share // 100):
            return False
    if limits.daily is not None:
        for end in (hour + n * HOUR for n in range(24)):
            if sum(after[end - n * HOUR] for n in range(24)) > limits.daily:
                return False
            most = None if limits.share is None else max(1, limits.daily * limits.share // 100)
            if most is not None and sum(ours[end - n * HOUR] for n in range(24)) > most:
                return False
    if limits.ramp is None:
        return True
    days = Counter[date]()
    for one, n in after.items():
        days[one.astimezone(limits.zone).date()] += n
    today = hour.astimezone(limits.zone).date()
    earlier = sum(1 for day, n in days.items() if n and day < today)
    return days[today] <= limits.ramp.first + limits.ramp.per_day * earlier


clock_times = st.integers(0, 24 * 12 - 1).map(lambda n: time(n // 12, n % 12 * 5))
calendars = st.builds(
    Calendar,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    days=st.sets(st.integers(0, 6), min_size=1).map(frozenset),
    opens=clock_times,
    closes=clock_times,
    holidays=st.sets(
        st.sampled_from([date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25), date(2026, 11, 1)])
    ).map(frozenset),
)
starts = st.sampled_from([day + n * MINUTE for day in STARTS for n in range(3 * 24 * 60)])
limits_of_logins = st.builds(
    Limits,
    hourly=st.integers(1, 12),
    daily=st.none() | st.integers(3, 40),
    least_gap=st.sampled_from([0, 0, 7, 25, 60]).map(lambda n: n * MINUTE),
    ramp=st.none() | st.builds(Ramp, st.integers(1, 6), st.integers(0, 5)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    campaign_hourly=st.none() | st.integers(1, 8),
    share=st.none() | st.integers(1, 100),
)


@settings(max_examples=30)
@given(calendar=calendars, start=starts)
def test_openings_are_what_the_wall_clock_says(calendar: Calendar, start: datetime) -> None:
    end = start + 8 * DAY
    open_minutes: set[datetime] = set()
    before = None
    for opening in calendar.openings(start):
        assert opening.begin < opening.end
        if opening.begin >= end:
            break
        assert before is None or before < opening.begin  # apart, or they were one
        before = opening.end
        minutes = (min(opening.end, end) - opening.begin) // MINUTE
        open_minutes.update(opening.begin + n * MINUTE for n in range(minutes))
    every = (start + n * MINUTE for n in range(8 * 24 * 60))
    assert open_minutes == {at for at in every if is_open(calendar, at)}


@settings(max_examples=30)
@given(
    count=st.integers(1, 30),
    start=starts,
    gap=st.sampled_from([0, 0, 1, 7, 25, 61, 300]).map(lambda n: n * MINUTE),
    limits=limits_of_logins,
    taken=st.dictionaries(st.integers(-24, 60), st.integers(0, 12), max_size=8),
    calendar=st.none() | calendars,
)
def test_plans_are_those_of_the_reference(
    count: int,
    start: datetime,
    gap: timedelta,
    limits: Limits,
    taken: dict[int, int],
    calendar: Calendar | None,
) -> None:
    hours = Counter({hour_of(start) + n * HOUR: many for n, many in taken.items()})
    made = plan(count, start, gap, Room(limits, hours), calendar)
    times = [run.at + n * gap for run in made.runs for n in range(run.size)]
    assert times == reference(count, start, gap, limits, hours, calendar)
    assert all(run.at + (run.size - 1) * gap < run.end for run in made.runs)
    assert (made.first_at, made.last_at) == (times[0], times[-1])


def test_a_week_of_office_hours_is_five_openings_and_the_change_of_clocks_moves_them() -> None:
    first = list(islice(OFFICE.openings(datetime(2026, 3, 27, tzinfo=UTC)), 2))
    assert [opening.begin for opening in first] == [
        datetime(2026, 3, 27, 8, tzinfo=UTC),
        datetime(2026, 3, 30, 7, tzinfo=UTC),
    ]


def test_an_hour_that_is_skipped_is_not_made_up_for_and_one_that_comes_twice_is_open_twice() -> None:
    nights = Calendar(BERLIN, frozenset({6}), time(2), time(3))
    spring = next(nights.openings(datetime(2026, 3, 29, tzinfo=UTC)))
    assert spring.begin.date() == date(2026, 4, 5)  # on 29 March there is no time from 2:00 to 3:00
    autumn = next(nights.openings(datetime(2026, 10, 24, tzinfo=UTC)))
    assert autumn == (datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 10, 25, 2, tzinfo=UTC))


def test_a_window_past_midnight_belongs_to_the_day_it_began_on() -> None:
    friday_night = Calendar(BERLIN, frozenset({4}), time(22), time(2))
    one = next(friday_night.openings(datetime(2026, 6, 1, tzinfo=UTC)))
    assert one == (datetime(2026, 6, 5, 20, tzinfo=UTC), datetime(2026, 6, 6, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    "never",
    [
        Calendar(BERLIN, frozenset()),
        Calendar(BERLIN, frozenset({0}), holidays=frozenset(date(2026, 1, 5) + n * 7 * DAY for n in range(300))),
    ],
)
def test_a_calendar_without_a_day_is_refused_with_what_would_be_right(never: Calendar) -> None:
    with pytest.raises(InvalidInput, match="never open"):
        plan(1, STARTS[0], MINUTE, Room(Limits(10), {}), never)


def test_five_years_of_a_few_a_day_are_planned_at_once_and_more_is_refused() -> None:
    limits = Limits(100, daily=40, ramp=Ramp(5, 2), zone=BERLIN)
    made = plan(40_000, STARTS[0], MINUTE, Room(limits, {}), OFFICE, horizon=HORIZON)
    assert made.last_at - made.first_at > 3 * 365 * DAY
    with pytest.raises(InvalidInput, match="five years"):
        plan(80_000, STARTS[0], MINUTE, Room(limits, {}), OFFICE, horizon=HORIZON)


def test_a_share_is_a_part_of_the_hour_and_of_the_day_and_leaves_the_rest_to_others() -> None:
    limits = Limits(10, daily=30, share=40)
    made = plan(16, STARTS[0], timedelta(0), Room(limits, {}))
    hours = [(run.at - STARTS[0]) // HOUR for run in made.runs]
    assert [(hour, run.size) for hour, run in zip(hours, made.runs, strict=True)] == [
        *((0, 4), (1, 4), (2, 4)),  # 40 % of the day's 30
        (24, 4),
    ]
    assert set(made.held_back) == {"CAMPAIGN_LIMIT"}
    tiny = plan(2, STARTS[0], timedelta(0), Room(Limits(10, share=1), {}))
    assert tiny.last_at - tiny.first_at == HOUR  # one email at least, or it would never end


def test_slots_lie_in_one_hour_each_and_say_what_binds() -> None:
    room = Room(Limits(10, daily=12), {})
    seen = list(islice(slots(datetime(2026, 6, 1, 7, 30, tzinfo=UTC), room, OFFICE), 3))
    assert all(hour_of(slot.begin) == hour_of(slot.end - MINUTE) for slot in seen)
    assert all(earlier.end == later.begin for earlier, later in pairwise(seen))
    assert (seen[0].room, seen[0].bound) == (10, "HOURLY_LIMIT")
    room.take(hour_of(seen[0].begin), 10)
    assert room.left(hour_of(seen[1].begin)) == (2, "DAILY_LIMIT")
