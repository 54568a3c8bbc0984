"""Slots, calendars and plans against a slow reference that walks minute by minute and knows nothing of slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, islice, pairwise
from math import ceil
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.planning.calendar import NEVER_AFTER, Calendar
from app.domain.planning.plan import HORIZON, Place, Plan, in_order, jittered, place_in, plan
from app.domain.planning.slots import CampaignRoom, Limits, Ramp, Room, hour_of, slots
from app.domain.planning.stream import Pace, Stream, pace_of
from app.errors import InvalidInput

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns",
         "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "America/Santiago"]  # fmt: skip
# A Thursday; the next weekend the clocks of Europe, and in the other half of the cases those of America, change.
STARTS = [datetime(2026, 3, 26, tzinfo=UTC), datetime(2026, 10, 22, tzinfo=UTC), datetime(2026, 10, 29, tzinfo=UTC),
          datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)]  # fmt: skip
BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Calendar(BERLIN, frozenset(range(5)), time(9), time(17))


def is_open(calendar: Calendar | None, at: datetime) -> bool:
    """Whether the calendar is open, by the wall clock alone."""
    if calendar is None:
        return True
    wall = at.astimezone(calendar.zone)
    clock, day = wall.time(), wall.date()
    on_day = calendar.is_open_on(day)
    if calendar.closes > calendar.opens:
        return on_day and calendar.opens <= clock < calendar.closes
    return (on_day and clock >= calendar.opens) or (calendar.is_open_on(day - DAY) and clock < calendar.closes)


class Login(NamedTuple):
    """`taken`: by hour, of all campaigns, this one included; `own`: this campaign's."""

    limits: Limits
    taken: Counter[datetime]
    own: Counter[datetime]


class Asked(NamedTuple):
    """`streams`: pace, and number of the login. `zones`: of each email, the number of its calendar."""

    start: datetime
    streams: list[tuple[Pace, int]]
    logins: list[Login]
    calendars: Sequence[Calendar | None]
    zones: list[int]
    campaign_hourly: int | None = None


def reference(asked: Asked) -> list[tuple[int, datetime]]:
    """The stream that takes each email, and when, minute by minute, every limit counted anew from all the times there
    are.

    A stream's next place is the first minute from `next` on that is allowed and at which somebody who waits may be sent
    to; of all streams the soonest takes it, and of several at one instant the one that has taken the fewest at it.
    """
    logins = [Login(limits, Counter(taken), Counter(own)) for limits, taken, own in asked.logins]
    campaign = Counter[datetime]()
    for login in logins:
        campaign += login.own
    next_at = [asked.start for _ in asked.streams]
    at_once = Counter[tuple[int, datetime]]()
    waiting = dict(enumerate(asked.zones))
    taken: dict[int, tuple[int, datetime]] = {}
    while waiting:
        open_zones = set(waiting.values())

        def place(stream: int, open_zones: set[int] = open_zones) -> datetime:
            while True:
                at = next_at[stream]
                hour = hour_of(at)
                if not any(is_open(asked.calendars[zone], at) for zone in open_zones):
                    next_at[stream] += MINUTE
                elif not _allowed(hour, logins[asked.streams[stream][1]]) or (
                    asked.campaign_hourly is not None and campaign[hour] >= asked.campaign_hourly
                ):
                    next_at[stream] = hour + HOUR  # limits hold for whole hours
                else:
                    return at

        at, _, stream = min((at := place(n), at_once[n, at], n) for n in range(len(next_at)))
        number = next(number for number, zone in waiting.items() if is_open(asked.calendars[zone], at))
        del waiting[number]
        taken[number] = stream, at
        at_once[stream, at] += 1
        login = logins[asked.streams[stream][1]]
        login.taken[hour_of(at)] += 1
        login.own[hour_of(at)] += 1
        campaign[hour_of(at)] += 1
        next_at[stream] = at + asked.streams[stream][0].gap
    return [taken[number] for number in range(len(asked.zones))]


def planned(asked: Asked) -> tuple[Plan, list[Place]]:
    """By the plan that is tested: each email's place, by number."""
    rooms = [Room(limits, taken, own) for limits, taken, own in asked.logins]
    own = sum((login.own for login in asked.logins), Counter[datetime]())
    made = plan(
        len(asked.zones),
        [Stream(asked.start, pace, rooms[login]) for pace, login in asked.streams],
        asked.calendars,
        zones=asked.zones if len(asked.calendars) > 1 else None,
        campaign=None if asked.campaign_hourly is None else CampaignRoom(asked.campaign_hourly, own),
    )
    if made.places is not None:
        return made, [made.places[number] for number in range(len(asked.zones))]
    slots_of = groupby(made.runs, key=lambda run: run.first)
    return made, [place_in(run, at) for _, runs in slots_of for at, _, run in in_order(list(runs))]


def _allowed(hour: datetime, login: Login) -> bool:
    limits, hours, own = login
    after = hours + Counter({hour: 1})
    if after[hour] > limits.hourly:
        return False
    if limits.least_gap and (after[hour] - 1) * limits.least_gap >= HOUR:
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
    campaign_hourly=st.none(),
    share=st.none() | st.integers(1, 100),
    copies=st.just(0),
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


gaps = st.sampled_from([0, 0, 1, 7, 25, 61, 300]).map(lambda n: n * MINUTE)
counts_by_hour = st.dictionaries(st.integers(-24, 60), st.integers(0, 12), max_size=8)


@st.composite
def campaigns(draw: st.DrawFn, zones: int, streams: int) -> Asked:
    start = draw(starts)
    logins: list[Login] = []
    for _ in range(draw(st.integers(1, streams))):
        taken = Counter({hour_of(start) + n * HOUR: many for n, many in draw(counts_by_hour).items()})
        own = Counter({hour: draw(st.integers(0, many)) for hour, many in taken.items()})
        logins.append(Login(draw(limits_of_logins), taken, own))
    count = draw(st.integers(1, 20))
    return Asked(
        start,
        [(Pace(draw(gaps)), draw(st.integers(0, len(logins) - 1))) for _ in range(draw(st.integers(1, streams)))],
        logins,
        draw(st.lists(calendars, min_size=zones, max_size=zones)) if zones > 1 else [draw(st.none() | calendars)],
        draw(st.lists(st.integers(0, zones - 1), min_size=count, max_size=count)),
        draw(st.none() | st.integers(1, 8)),
    )


@settings(max_examples=20)
@given(asked=campaigns(zones=1, streams=1))
def test_plans_are_those_of_the_reference(asked: Asked) -> None:
    made, places = planned(asked)
    assert [(place.stream, place.at) for place in places] == reference(asked)
    assert all(run.at + (run.size - 1) * run.gap < run.end for run in made.runs)
    assert (made.first_at, made.last_at) == (places[0].at, places[-1].at)
    for place in places:
        assert (place.until is None) == (asked.calendars[0] is None)


@settings(max_examples=20)
@given(asked=campaigns(zones=1, streams=4))
def test_plans_over_several_senders_are_those_of_the_reference(asked: Asked) -> None:
    _, places = planned(asked)
    assert [place.at for place in places] == [at for _, at in reference(asked)]
    assert Counter((place.stream, place.at) for place in places) == Counter(reference(asked))


@settings(max_examples=20)
@given(asked=campaigns(zones=3, streams=3))
def test_plans_over_several_zones_are_those_of_the_reference(asked: Asked) -> None:
    _, places = planned(asked)
    assert [place.at for place in places] == [at for _, at in reference(asked)]
    for place, zone in zip(places, asked.zones, strict=True):
        assert is_open(asked.calendars[zone], place.at)
        assert place.until is not None
        assert is_open(asked.calendars[zone], place.until - MINUTE)
        is_cut = place.until >= asked.start + NEVER_AFTER  # of a calendar that is open without end
        assert is_cut or not is_open(asked.calendars[zone], place.until)
    for zone in set(asked.zones):
        own = [place.at for place, its in zip(places, asked.zones, strict=True) if its == zone]
        assert own == sorted(own)  # nobody is overtaken by one of the same zone


@settings(max_examples=50)
@given(
    start=starts,
    delay=st.sampled_from([1, 7, 25, 61]).map(lambda n: n * MINUTE),
    percent=st.integers(0, 100),
    least_gap=st.sampled_from([0, 0, 5, 30]).map(lambda n: n * MINUTE),
    limits=limits_of_logins,
    calendar=st.none() | calendars,
    stems=st.lists(st.text("abcdef", min_size=1, max_size=5), min_size=2, max_size=30),
)
def test_a_jitter_keeps_the_slot_the_order_and_the_least_gap(
    start: datetime,
    delay: timedelta,
    percent: int,
    least_gap: timedelta,
    limits: Limits,
    calendar: Calendar | None,
    stems: list[str],
) -> None:
    pace = pace_of(delay, percent, least_gap)
    asked = Asked(start, [(pace, 0)], [Login(limits, Counter(), Counter())], [calendar], [0] * len(stems))
    _, places = planned(asked)
    times = [jittered(place, f"{stem}@example.com") for place, stem in zip(places, stems, strict=True)]
    for place, at in zip(places, times, strict=True):
        assert place.at <= at <= place.at + pace.jitter
        assert hour_of(at) == hour_of(place.at)  # so every limit holds as it did
        assert is_open(calendar, at.replace(second=0, microsecond=0))
        assert place.until is None or at < place.until
    gap = pace.gap - pace.jitter
    assert gap >= least_gap
    assert gap >= delay * (100 - percent) / 100 - timedelta(microseconds=1)
    assert all(later - earlier >= gap for earlier, later in pairwise(times))


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
        plan(1, [Stream(STARTS[0], Pace(MINUTE), Room(Limits(10), {}))], [never])


def test_five_years_of_a_few_a_day_are_planned_at_once_and_more_is_refused() -> None:
    limits = Limits(100, daily=40, ramp=Ramp(5, 2), zone=BERLIN)
    made = plan(40_000, [Stream(STARTS[0], Pace(MINUTE), Room(limits, {}))], [OFFICE], horizon=HORIZON)
    assert made.last_at - made.first_at > 3 * 365 * DAY
    with pytest.raises(InvalidInput, match="five years"):
        plan(80_000, [Stream(STARTS[0], Pace(MINUTE), Room(limits, {}))], [OFFICE], horizon=HORIZON)


def test_a_share_is_a_part_of_the_hour_and_of_the_day_and_leaves_the_rest_to_others() -> None:
    limits = Limits(10, daily=30, share=40)
    made = plan(16, [Stream(STARTS[0], Pace(timedelta(0)), Room(limits, {}))])
    hours = [(run.at - STARTS[0]) // HOUR for run in made.runs]
    assert [(hour, run.size) for hour, run in zip(hours, made.runs, strict=True)] == [
        *((0, 4), (1, 4), (2, 4)),  # 40 % of the day's 30
        (24, 4),
    ]
    assert set(made.held_back) == {"CAMPAIGN_LIMIT"}
    tiny = plan(2, [Stream(STARTS[0], Pace(timedelta(0)), Room(Limits(10, share=1), {}))])
    assert tiny.last_at - tiny.first_at == HOUR  # one email at least, or it would never end


def test_slots_lie_in_one_hour_each_and_room_says_what_binds() -> None:
    room = Room(Limits(10, daily=12), {})
    seen = list(islice(slots(datetime(2026, 6, 1, 7, 30, tzinfo=UTC), [OFFICE]), 3))
    assert all(hour_of(slot.begin) == hour_of(slot.end - MINUTE) for slot in seen)
    assert all(earlier.end == later.begin for earlier, later in pairwise(seen))
    assert room.left(hour_of(seen[0].begin)) == (10, "HOURLY_LIMIT")
    room.take(hour_of(seen[0].begin), 10)
    assert room.left(hour_of(seen[1].begin)) == (2, "DAILY_LIMIT")
