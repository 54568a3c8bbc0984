"""Whether the difference between variants can be chance."""

from __future__ import annotations

import random

import pytest

from app.domain.campaigns.chance import Interval, Tried, compare, interval_of


def test_of_nothing_sent_nothing_is_known() -> None:
    assert interval_of(Tried(0, 0)) == Interval(0.0, 100.0)
    found = compare({"A": Tried(0, 0), "B": Tried(5, 1)})
    assert (found.leading, found.needed, found.verdict) == (None, None, "CAN_BE_CHANCE")


def test_an_interval_is_wilsons() -> None:
    assert interval_of(Tried(100, 10)) == Interval(5.5, 17.4)
    assert interval_of(Tried(50, 0)).low == 0.0
    assert interval_of(Tried(50, 50)).high == 100.0


@pytest.mark.parametrize(
    ("variants", "leading", "verdict"),
    [
        ({"A": Tried(100, 10), "B": Tried(100, 14)}, "B", "CAN_BE_CHANCE"),
        ({"A": Tried(2000, 200), "B": Tried(2000, 300)}, "B", "HARDLY_CHANCE"),
        ({"A": Tried(2000, 200), "B": Tried(20, 9)}, "B", "CAN_BE_CHANCE"),
        ({"A": Tried(5, 5), "B": Tried(5, 0)}, "A", "CAN_BE_CHANCE"),
        ({"A": Tried(500, 50), "B": Tried(500, 50)}, "A", "CAN_BE_CHANCE"),
        ({"A": Tried(3, 0), "B": Tried(100, 10)}, "B", "CAN_BE_CHANCE"),
    ],
)
def test_a_difference_counts_once_there_are_as_many_as_it_asks_for(
    variants: dict[str, Tried], leading: str, verdict: str
) -> None:
    found = compare(variants)
    assert (found.leading, found.verdict) == (leading, verdict)


@pytest.mark.parametrize("variants", [{"A": Tried(2, 0), "B": Tried(1, 0)}, {"A": Tried(3, 0), "B": Tried(100, 10)}])
def test_of_no_answers_or_of_next_to_no_emails_no_difference_is_told(variants: dict[str, Tried]) -> None:
    assert compare(variants).needed is None


def test_who_looks_every_hour_is_seldom_told_that_equal_ones_differ() -> None:
    """With the plain level of 5 %, looking fifty times says so for about every third."""
    by_chance, wrong = random.Random(5), 0  # noqa: S311
    for _ in range(200):
        tried = {"A": [0, 0], "B": [0, 0]}
        for _look in range(50):
            for its in tried.values():
                its[0] += 20
                its[1] += sum(by_chance.random() < 0.1 for _ in range(20))
            if compare({name: Tried(*its) for name, its in tried.items()}).verdict == "HARDLY_CHANCE":
                wrong += 1
                break
    assert wrong <= 20
