"""The plan: spacing, limits, windows, checked against what each email's time must satisfy."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.planning.plan import HORIZON, Plan, Run, in_order, number_in_order
from app.domain.planning.plan import plan as plan_in
from app.domain.planning.slots import HOUR, Limits, Room, hour_of
from app.domain.planning.stream import Pace, Stream
from app.errors import InvalidInput

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def plan(
    count: int,
    start: datetime,
    delay: timedelta,
    *,
    sender_limit: int,
    sender_taken: dict[datetime, int],
    campaign_limit: int | None = None,
    horizon: timedelta | None = None,
) -> Plan:
    room = Room(Limits(sender_limit, campaign_hourly=campaign_limit), sender_taken)
    return plan_in(count, [Stream(start, Pace(delay), room)], horizon=horizon)


def times(made: Plan, delay: timedelta) -> list[datetime]:
    """Every email's time, as SQL spreads the runs."""
    return [run.at + number * delay for run in made.runs for number in range(run.size)]


RUNS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(1, 6), st.integers(0, 3), st.integers(0, 3)),
    min_size=1,
    unique_by=lambda run: run[0],
)


@given(RUNS)
def test_a_place_has_its_number_in_the_slot_without_the_others_being_gone_through(
    given_runs: list[tuple[int, int, int, int]],
) -> None:
    runs = [
        Run(stream, 0, size, NINE + at * MINUTE, gap * MINUTE, timedelta(0), NINE + HOUR, None)
        for stream, size, at, gap in given_runs
    ]
    for number, (_, place, run) in enumerate(in_order(runs)):
        assert number_in_order(runs, run, place) == number


def test_without_limits_in_the_way_email_i_leaves_i_delays_after_the_start() -> None:
    made = plan(5, NINE, MINUTE, sender_limit=100, sender_taken={})
    assert times(made, MINUTE) == [NINE + i * MINUTE for i in range(5)]
    assert (made.first_at, made.last_at, made.held_back) == (NINE, NINE + 4 * MINUTE, {})


def test_what_does_not_fit_an_hour_goes_to_the_next_ones_in_order() -> None:
    made = plan(250, NINE, timedelta(0), sender_limit=100, sender_taken={})
    assert Counter(times(made, timedelta(0))) == {NINE: 100, NINE + HOUR: 100, NINE + 2 * HOUR: 50}
    assert made.held_back == {"HOURLY_LIMIT": 2}


def test_a_limited_hour_keeps_the_spacing_in_the_next() -> None:
    made = plan(8, NINE, MINUTE, sender_limit=5, sender_taken={})
    assert times(made, MINUTE) == [NINE + i * MINUTE for i in range(5)] + [NINE + HOUR + i * MINUTE for i in range(3)]


def test_the_campaigns_own_limit_binds_where_it_is_lower_and_is_named() -> None:
    made = plan(20, NINE, timedelta(0), sender_limit=100, sender_taken={}, campaign_limit=10)
    assert made.held_back == {"CAMPAIGN_LIMIT": 1}
    assert made.last_at == NINE + HOUR


def test_what_others_have_taken_leaves_less_room() -> None:
    taken = {NINE: 99, NINE + HOUR: 100}
    made = plan(3, NINE, timedelta(0), sender_limit=100, sender_taken=taken)
    assert times(made, timedelta(0)) == [NINE, NINE + 2 * HOUR, NINE + 2 * HOUR]


def test_a_full_first_hour_moves_the_first_time_too() -> None:
    made = plan(1, NINE + 30 * MINUTE, timedelta(0), sender_limit=10, sender_taken={NINE: 12})
    assert made.first_at == NINE + HOUR


def test_a_million_emails_are_as_many_runs_as_hours() -> None:
    made = plan(1_000_000, NINE, timedelta(0), sender_limit=100, sender_taken={})
    assert len(made.runs) == 10_000


def test_a_plan_of_more_than_five_years_is_refused() -> None:
    with pytest.raises(InvalidInput, match="five years"):
        plan(1_000_000, NINE, timedelta(0), sender_limit=1, sender_taken={}, horizon=HORIZON)
    with pytest.raises(InvalidInput, match="five years"):
        plan(1_000_000, NINE, timedelta(days=30), sender_limit=100, sender_taken={}, horizon=HORIZON)


@given(
    count=st.integers(1, 400),
    start=st.integers(0, 7200).map(lambda s: NINE + timedelta(seconds=s)),
    delay=st.sampled_from([0, 1, 250, 7_000, 61_000, 3_600_000, 5_000_000]).map(lambda ms: timedelta(milliseconds=ms)),
    sender_limit=st.integers(1, 50),
    campaign_limit=st.none() | st.integers(1, 50),
    taken=st.lists(st.integers(0, 60), max_size=6),
)
def test_every_plan_keeps_start_spacing_order_and_limits(
    count: int,
    start: datetime,
    delay: timedelta,
    sender_limit: int,
    campaign_limit: int | None,
    taken: list[int],
) -> None:
    sender_taken = {NINE + i * HOUR: n for i, n in enumerate(taken)}
    made = plan(
        count, start, delay, sender_limit=sender_limit, sender_taken=sender_taken, campaign_limit=campaign_limit
    )
    planned = times(made, delay)
    assert [run.first for run in made.runs] == [sum(r.size for r in made.runs[:i]) for i in range(len(made.runs))]
    assert len(planned) == count
    assert planned[0] >= start
    assert (made.first_at, made.last_at) == (planned[0], planned[-1])
    assert all(later - earlier >= delay for earlier, later in itertools.pairwise(planned))
    in_window = Counter(map(hour_of, planned))
    for window, n in in_window.items():
        assert n + sender_taken.get(window, 0) <= sender_limit
        assert campaign_limit is None or n <= campaign_limit
    # No later than it must be: an email that waits for the next window found its own full.
    for earlier, later in zip([start - delay, *planned], planned, strict=False):
        window = hour_of(earlier + delay)
        while window < hour_of(later):
            own = in_window[window]
            full = own + sender_taken.get(window, 0) >= sender_limit
            assert full or (campaign_limit is not None and own >= campaign_limit)
            window += HOUR
