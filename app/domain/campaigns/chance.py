"""Whether the difference between variants can be chance: pure.

People look every hour, and one who stops at the first good look is wrong far more often than one time in twenty. So a
difference counts only once there are as many emails of each as would show one of that size four times in five (a power
of 80 %) at a level of 5 %, shared among the pairs; which is also a stricter test than the level alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, sqrt
from statistics import NormalDist
from typing import Literal, NamedTuple

import msgspec

LEVEL, POWER = 0.05, 0.8
LEAST = 30  # emails of each, below which no rate says anything
MOST_NEEDED = 1_000_000
_NORMAL = NormalDist()


class Tried(NamedTuple):
    """How many of a variant were sent, and how many of these were answered."""

    sent: int
    answered: int


class Interval(msgspec.Struct, frozen=True):
    """In percent."""

    low: float
    high: float


class Comparison(msgspec.Struct, kw_only=True):
    """`leading`: the variant with the most answers for what was sent, and `than` the next; null: there are no two.
    `verdict`: `CAN_BE_CHANCE` until there are `needed` emails of each, as many as a difference of this size asks for;
    null: no difference is to be seen yet.
    """

    leading: str | None
    than: str | None
    verdict: Literal["CAN_BE_CHANCE", "HARDLY_CHANCE"]
    needed: int | None


def interval_of(tried: Tried) -> Interval:
    """Wilson's, of 95 %."""
    n, z = tried.sent, _NORMAL.inv_cdf(1 - LEVEL / 2)
    if n == 0:
        return Interval(0.0, 100.0)
    p = tried.answered / n
    middle, spread = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * spread) / (1 + z * z / n) for sign in (-1, 1))
    return Interval(round(max(0.0, low) * 100, 1), round(min(1.0, high) * 100, 1))


def compare(variants: Mapping[str, Tried]) -> Comparison:
    """The best with the next, of those that were sent at all."""
    seen = {name: tried.answered / tried.sent for name, tried in variants.items() if tried.sent}
    ranked = sorted(seen, key=lambda name: (-seen[name], name))
    if len(ranked) < 2:
        return Comparison(leading=None, than=None, verdict="CAN_BE_CHANCE", needed=None)
    first, second = ranked[:2]
    pairs = len(ranked) * (len(ranked) - 1) // 2
    likely = _rate(variants[first]), _rate(variants[second])
    needed = _needed(*likely, pairs) if seen[first] > seen[second] and likely[0] > likely[1] else None
    is_enough = needed is not None and min(variants[first].sent, variants[second].sent) >= needed
    return Comparison(
        leading=first, than=second, verdict="HARDLY_CHANCE" if is_enough else "CAN_BE_CHANCE", needed=needed
    )


def _rate(tried: Tried) -> float:
    """As if one more of two had been answered: of none, nobody knows that the rate is 0."""
    return (tried.answered + 1) / (tried.sent + 2)


def _needed(one: float, other: float, pairs: int) -> int | None:
    """Emails of each; None: no number shows a difference so small."""
    difference = abs(one - other)
    if difference < 1e-4:
        return None
    z = _NORMAL.inv_cdf(1 - LEVEL / pairs / 2) + _NORMAL.inv_cdf(POWER)
    needed = ceil(z * z * (one * (1 - one) + other * (1 - other)) / difference**2)
    return None if needed > MOST_NEEDED else max(needed, LEAST)
