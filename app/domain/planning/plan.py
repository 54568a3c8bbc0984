"""When each email of a campaign leaves: the one function behind the schedule, the preview and every change of plan.

A plan is a list of runs, not of emails: within a run the emails are evenly spaced, so a million emails at a hundred
an hour are ten thousand runs, and SQL spreads them over the rows. Email i is planned a gap after email i-1, moved on
to the first slot with room.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from app.domain.planning.calendar import Calendar
from app.domain.planning.slots import Bound, Room, hour_of, slots
from app.errors import InvalidInput

HORIZON = timedelta(days=5 * 365)


class Run(NamedTuple):
    """`size` emails from number `first` on, the first of them at `at`, each a gap after the one before, all before
    `end`. `until`: what has not left by then waits for the next opening of the calendar; None without one.
    """

    first: int
    size: int
    at: datetime
    end: datetime
    until: datetime | None


class Plan(NamedTuple):
    """`held_back`: for each bound that moved the plan, how many slots it closed."""

    runs: list[Run]
    first_at: datetime
    last_at: datetime
    held_back: dict[Bound | str, int]


def plan(
    count: int,
    start: datetime,
    gap: timedelta,
    room: Room,
    calendar: Calendar | None = None,
    *,
    horizon: timedelta | None = None,
) -> Plan:
    """Plan `count` (1 or more) emails from `start` (UTC) on, and take their room.

    Raises InvalidInput for a calendar that is never open, and when the last email would leave later than `horizon`
    after `start`; a plan that was accepted once has none, since what waits must find a time whatever became of limits.
    """
    runs: list[Run] = []
    held_back: dict[Bound | str, int] = {}
    at, done, last_at = start, 0, start
    for slot in slots(start, room, calendar):
        at = max(at, slot.begin)
        if horizon is not None and at - start > horizon:
            raise InvalidInput(
                {"delayBetweenMs": "would take longer than five years; lower the delay or raise the limits"}
            )
        if at >= slot.end:
            continue
        fits = count - done if not gap else -((at - slot.end) // gap)  # how many start before the slot ends
        n = min(count - done, fits, slot.room)
        if n:
            runs.append(Run(done, n, at, slot.end, slot.until))
            room.take(hour_of(at), n)
            last_at = at + (n - 1) * gap
            at, done = last_at + gap, done + n
        if done == count:
            return Plan(runs, runs[0].at, last_at, held_back)
        if at < slot.end:
            held_back[slot.bound] = held_back.get(slot.bound, 0) + 1
    raise InvalidInput({"calendar": "is never open again; add a day or move the dates"})
