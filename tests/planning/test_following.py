"""Plans of all steps "if nobody answers", against a slow reference that moves email by email and hour by hour."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.planning.calendar import Calendar
from app.domain.planning.follow import Clock, Spread, Wait
from app.domain.planning.following import Following
from app.domain.planning.plan import Plan, plan, with_later
from app.domain.planning.slots import HOUR, CampaignRoom, Limits, Ramp, Room, hour_of
from app.domain.planning.stream import Pace, Stream
from tests.planning.test_slots import OFFICE, Asked, calendars, campaigns, is_open, limits_of_logins, planned, starts

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def simulated(
    count: int,
    waits: list[Wait],
    limits: Limits,
    *,
    start: datetime = MONDAY,
    calendar: Calendar | None = None,
    gap: timedelta = timedelta(0),
    senders: int = 1,
    campaign_hourly: int | None = None,
    taken: Counter[datetime] | None = None,
    latest: datetime | None = None,
) -> Plan:
    streams = [Stream(start, Pace(gap), Room(limits, taken or {})) for _ in range(senders)]
    campaign = None if campaign_hourly is None else CampaignRoom(campaign_hourly)
    following = Following(waits, streams, [calendar], start, campaign=campaign, latest=latest)
    made = plan(count, streams, [calendar], campaign=campaign, latest=latest, following=following)
    return with_later(made, following)


def times(made: Plan, stream: int | None = None) -> list[list[datetime]]:
    """Of each step, when its emails leave."""
    steps: dict[int, list[datetime]] = {0: []}
    for run in made.runs:
        if stream in {None, run.stream}:
            steps[0] += [run.at + number * run.gap for number in range(run.size)]
    for run in made.later:
        if stream in {None, run.stream}:
            steps.setdefault(run.step + 1, []).extend(run.at + number * run.gap for number in range(run.size))
    return [sorted(steps.get(step, [])) for step in range(max(steps) + 1)]


def by_day(made: Plan) -> list[tuple[date, list[int]]]:
    steps = times(made)
    days = sorted({at.date() for its in steps for at in its})
    return [(day, [sum(at.date() == day for at in its) for its in steps]) for day in days]


waits = st.builds(
    Wait,
    st.sampled_from([timedelta(seconds=1), 40 * MINUTE, 5 * HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY]),
    st.just(False),
)


@settings(max_examples=40)
@given(
    count=st.integers(1, 60),
    its_waits=st.lists(waits, min_size=1, max_size=3),
    limits=limits_of_logins,
    start=starts,
    calendar=st.none() | calendars,
    gap=st.sampled_from([0, 0, 1, 7, 25]).map(lambda n: n * MINUTE),
    senders=st.integers(1, 3),
    campaign_hourly=st.none() | st.integers(1, 8),
)
def test_every_step_keeps_limits_gaps_calendar_and_its_wait_and_everybody_gets_all_of_them(
    count: int,
    its_waits: list[Wait],
    limits: Limits,
    start: datetime,
    calendar: Calendar | None,
    gap: timedelta,
    senders: int,
    campaign_hourly: int | None,
) -> None:
    gap = max(gap, limits.least_gap)
    made = simulated(
        count,
        its_waits,
        limits,
        start=start,
        calendar=calendar,
        gap=gap,
        senders=senders,
        campaign_hourly=campaign_hourly,
    )
    steps = times(made)
    assert [len(its) for its in steps] == [count] * (1 + len(its_waits))
    assert all(is_open(calendar, at.replace(second=0, microsecond=0)) for its in steps for at in its)
    for stream in range(senders):
        own = times(made, stream)
        every = sorted(at for its in own for at in its)
        assert all(later - earlier >= gap for earlier, later in pairwise(every))
        for wait, before, after in zip(its_waits, own, own[1:], strict=False):
            # The one behind is never earlier than its wait, whoever's it is: the n-th after the n-th.
            assert all(second >= first + wait.length for first, second in zip(before, after, strict=True))
        hours = Counter(map(hour_of, every))
        assert all(n <= limits.hourly for n in hours.values())
        if limits.daily is not None:
            for hour in hours:
                assert sum(hours[hour - n * HOUR] for n in range(24)) <= limits.daily
    if campaign_hourly is not None:
        assert max(Counter(hour_of(at) for its in steps for at in its).values()) <= campaign_hourly


@settings(max_examples=30)
@given(
    count=st.integers(1, 40),
    its_waits=st.lists(waits, min_size=1, max_size=3),
    hourly=st.integers(1, 12),
    daily=st.none() | st.integers(3, 40),
    start=starts.map(hour_of),
    calendar=st.none() | calendars,
)
def test_what_is_owed_leaves_as_a_queue_that_new_ones_wait_behind(
    count: int, its_waits: list[Wait], hourly: int, daily: int | None, start: datetime, calendar: Calendar | None
) -> None:
    """Given when the first step leaves: each later email by itself, the longest due first, hour by hour."""
    limits = Limits(hourly, daily=daily)
    made = simulated(count, its_waits, limits, start=start, calendar=calendar)
    clock = Clock(calendar, start)
    steps = times(made)
    new = list(steps[0])
    owed: list[tuple[datetime, int, int]] = []  # due, number, step
    used = Counter[datetime]()
    found = [new, *([] for _ in its_waits)]
    number, at = 0, start

    def owe(sent: datetime, step: int) -> None:
        nonlocal number
        if step < len(its_waits):
            number += 1
            owed.append((clock.due(sent, its_waits[step]), number, step))

    while owed or new_left(new, at):
        opening = clock.opening(at)
        begin = at if opening is None else max(at, opening.begin)
        end = hour_of(begin) + HOUR if opening is None else min(hour_of(begin) + HOUR, opening.end)

        def take(begin: datetime = begin, end: datetime = end) -> None:
            while due := [one for one in owed if one[0] < end]:
                hour = hour_of(begin)
                of_day = sum(used[hour - n * HOUR] for n in range(24))
                if used[hour] >= hourly or (daily is not None and of_day >= daily):
                    return
                one = min(due)
                owed.remove(one)
                used[hour] += 1
                found[one[2] + 1].append(max(one[0], begin))
                owe(max(one[0], begin), one[2] + 1)

        take()
        for sent in [sent for sent in new if begin <= sent < end]:
            used[hour_of(begin)] += 1
            owe(sent, 0)
        take()
        at = end
    assert Counter(map(hour_of, chain(*steps))) == Counter(map(hour_of, chain(*found)))
    for mine, its in zip(steps[1:], found[1:], strict=True):
        assert Counter(map(hour_of, mine)) == Counter(map(hour_of, its))


def new_left(new: list[datetime], at: datetime) -> bool:
    return bool(new) and new[-1] >= at


@settings(max_examples=30)
@given(asked=campaigns(zones=1, streams=4))
def test_with_nothing_to_follow_the_plan_is_that_of_one_step_to_the_microsecond(asked: Asked) -> None:
    made, _ = planned(asked)
    rooms = [Room(limits, taken, own) for limits, taken, own in asked.logins]
    streams = [Stream(asked.start, pace, rooms[login]) for pace, login in asked.streams]
    own = sum((login.own for login in asked.logins), Counter[datetime]())
    campaign = None if asked.campaign_hourly is None else CampaignRoom(asked.campaign_hourly, own)
    following = Following([], streams, asked.calendars, asked.start, campaign=campaign)
    again = plan(len(asked.zones), streams, asked.calendars, campaign=campaign, following=following)
    assert again == made


@settings(max_examples=60)
@given(
    at=starts,
    size=st.integers(1, 90),
    gap=st.sampled_from([0, 1, 7]).map(lambda n: n * MINUTE),
    length=st.sampled_from([1, 59, 24 * 60, 3 * 24 * 60, 3 * 24 * 60 + 150]).map(lambda n: n * MINUTE),
    business_days=st.booleans(),
    time_of_day=st.none() | st.sampled_from([time(0), time(9, 30), time(23, 59)]),
    calendar=st.none() | calendars,
)
# From Saturday to Sunday, at the same time: what is sent between them falls due all over Monday.
@example(
    at=datetime(2026, 3, 7, 16, tzinfo=UTC),
    size=49,
    gap=30 * MINUTE,
    length=DAY,
    business_days=True,
    time_of_day=None,
    calendar=None,
)
# Sent on Thursday and, just after midnight, on Friday: by a day of business both fall due on the Monday after.
@example(
    at=datetime(2026, 3, 26, 5, 39, tzinfo=UTC),
    size=65,
    gap=7 * MINUTE,
    length=DAY,
    business_days=True,
    time_of_day=None,
    calendar=Calendar(ZoneInfo("Australia/Lord_Howe"), frozenset({0}), time(0, 0), time(0, 5)),
)
def test_what_falls_due_together_is_what_falls_due_one_by_one(
    at: datetime,
    size: int,
    gap: timedelta,
    length: timedelta,
    business_days: bool,
    time_of_day: time | None,
    calendar: Calendar | None,
) -> None:
    wait = Wait(length, business_days and length >= DAY, time_of_day)
    clock = Clock(calendar, at)
    spreads = list(clock.follow(Spread(at, size, gap), wait))
    together = [one.at + number * one.gap for one in spreads for number in range(one.size)]
    assert sorted(together) == sorted(clock.due(at + number * gap, wait) for number in range(size))
    assert all(hour_of(one.at) == hour_of(one.at + (one.size - 1) * one.gap) for one in spreads)


def test_forty_a_day_and_three_steps_are_forty_new_people_in_three_days_of_nine() -> None:
    made = simulated(200, [Wait(3 * DAY), Wait(3 * DAY)], Limits(1_000, daily=40))
    days = by_day(made)
    assert [counts for _, counts in days[:11]] == [
        *[[40, 0, 0]] * 3,
        *[[0, 40, 0]] * 3,
        *[[0, 0, 40]] * 3,
        *[[40, 0, 0]] * 2,
    ]
    assert days[9][0] == date(2026, 3, 11)
    assert made.held_back["DAILY_LIMIT"] > 0


def test_nobody_new_begins_whose_later_steps_would_find_no_room_within_a_day() -> None:
    """With waits of three days and of a week, the fourth free day is left to what follows."""
    made = simulated(400, [Wait(3 * DAY), Wait(7 * DAY)], Limits(1_000, daily=40))
    for wait, before, after in zip([3, 7], times(made), times(made)[1:], strict=False):
        late = [second - first - wait * DAY for first, second in zip(before, after, strict=True)]
        assert max(late) < DAY
    assert made.held_back["FOLLOW_UPS"] > 0


def test_a_weekend_of_follow_ups_goes_on_monday_ahead_of_new_people() -> None:
    """Wednesday's, Thursday's and Friday's fall due on Saturday, Sunday and Monday: no more begin than Monday holds."""
    made = simulated(300, [Wait(3 * DAY)], Limits(10), calendar=OFFICE)
    days = dict(by_day(made))
    assert days[date(2026, 3, 4)] == [80, 0]
    assert days[date(2026, 3, 9)] == [0, 80]
    assert all(sum(counts) <= 80 for counts in days.values())


def test_business_days_follow_the_calendar_and_its_holidays() -> None:
    calendar = OFFICE._replace(holidays=frozenset({date(2026, 3, 5)}))
    made = simulated(5, [Wait(3 * DAY, True)], Limits(100), start=MONDAY, calendar=calendar)
    assert by_day(made) == [(date(2026, 3, 2), [5, 0]), (date(2026, 3, 6), [0, 5])]


def test_what_would_follow_after_the_end_never_goes() -> None:
    made = simulated(10, [Wait(DAY), Wait(3 * DAY)], Limits(100), latest=MONDAY + 2 * DAY)
    assert [len(its) for its in times(made)] == [10, 10]
    assert made.later_late == {1: 10}


def test_a_ramp_grows_by_what_follows_too() -> None:
    made = simulated(60, [Wait(2 * DAY)], Limits(1_000, ramp=Ramp(10, 5)))
    assert all(sum(counts) <= 10 + 5 * number for number, (_, counts) in enumerate(by_day(made)))


def test_a_limit_below_the_steps_still_lets_somebody_begin() -> None:
    made = simulated(3, [Wait(HOUR), Wait(HOUR), Wait(HOUR)], Limits(1_000, daily=2))
    assert [len(its) for its in times(made)] == [3, 3, 3, 3]


def test_new_places_lie_between_those_of_what_follows() -> None:
    """Of 10 minutes between emails and 3 an hour, both have their places in one hour, none nearer than 10 minutes."""
    made = simulated(12, [Wait(DAY)], Limits(6, daily=24), gap=10 * MINUTE)
    every = sorted(at for its in times(made) for at in its)
    assert all(later - earlier >= 10 * MINUTE for earlier, later in pairwise(every))


@pytest.mark.parametrize("senders", [1, 3])
def test_hundreds_of_thousands_are_planned_by_their_hours(senders: int) -> None:
    made = simulated(100_000, [Wait(3 * DAY), Wait(7 * DAY)], Limits(400), senders=senders)
    assert len(made.runs) < 2_000
    assert len(made.later) < 6_000
    assert [sum(run.size for run in made.later if run.step == step) for step in range(2)] == [100_000] * 2


def test_zones_have_their_own_hours() -> None:
    zones = [ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")]
    its = [Calendar(zone, frozenset(range(5)), time(9), time(17)) for zone in zones]
    stream = Stream(MONDAY, Pace(timedelta(0)), Room(Limits(20), {}))
    following = Following([Wait(DAY)], [stream], its, MONDAY)
    made = with_later(plan(60, [stream], its, zones=[n % 2 for n in range(60)], following=following), following)
    assert sum(run.size for run in made.later) == 60
    assert all(any(is_open(calendar, run.at) for calendar in its) for run in made.later)
