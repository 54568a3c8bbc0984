"""When each email of a campaign leaves: the one function behind the schedule, the preview and every change of plan.

A plan is a list of runs, not of emails: within a run the emails are evenly spaced, so a million emails at a hundred
an hour are ten thousand runs, and SQL spreads them over the rows. Email i is planned a delay after email i-1, moved on
to the first window with room under the sender's limit (which other planned emails share) and the campaign's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from app.errors import InvalidInput

WINDOW = timedelta(hours=1)
HORIZON = timedelta(days=5 * 365)

Limit = Literal["senderHourlyLimit", "campaignHourlyLimit"]


class Run(NamedTuple):
    """`size` emails from number `first` on, the first of them at `at`, each `delay` after the one before."""

    first: int
    size: int
    at: datetime


class Plan(NamedTuple):
    """`held_back`: for each limit that moved the plan, how many windows it filled."""

    runs: list[Run]
    first_at: datetime
    last_at: datetime
    held_back: dict[Limit, int]


def window_of(at: datetime) -> datetime:
    """The start of the clock hour (UTC) that `at`, an aware UTC time, falls in."""
    return at.replace(minute=0, second=0, microsecond=0)


def plan(
    count: int,
    start: datetime,
    delay: timedelta,
    *,
    sender_limit: int,
    sender_taken: Mapping[datetime, int],
    campaign_limit: int | None = None,
    campaign_taken: Mapping[datetime, int] | None = None,
    horizon: timedelta | None = None,
) -> Plan:
    """Plan `count` (1 or more) emails from `start` (UTC) on.

    `sender_taken` and `campaign_taken` say how much of a window (keyed by its start) is used or planned already.
    Raises InvalidInput when the last email would leave later than `horizon` after `start`; a plan that was accepted
    once has none, since what waits must find a time whatever became of limits.
    """
    runs: list[Run] = []
    held_back: dict[Limit, int] = {}
    at, done, last_at = start, 0, start
    while done < count:
        if horizon is not None and at - start > horizon:
            raise InvalidInput(
                {"delayBetweenMs": "would take longer than five years; lower the delay or raise the limits"}
            )
        window = window_of(at)
        room = sender_limit - sender_taken.get(window, 0)
        binding: Limit = "senderHourlyLimit"
        if campaign_limit is not None:
            own = campaign_limit - (campaign_taken or {}).get(window, 0)
            if own < room:
                room, binding = own, "campaignHourlyLimit"
        left = count - done
        fits = left if not delay else -((at - window - WINDOW) // delay)  # how many start before the window ends
        n = min(left, fits, max(room, 0))
        if n:
            runs.append(Run(done, n, at))
            last_at = at + (n - 1) * delay
            at, done = last_at + delay, done + n
        if done < count and window_of(at) == window:
            held_back[binding] = held_back.get(binding, 0) + 1
            at = window + WINDOW
    return Plan(runs, runs[0].at, last_at, held_back)
