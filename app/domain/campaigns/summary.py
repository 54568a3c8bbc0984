"""A plan as requests answer it: by hour, by day, by sender, and what holds it back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from app.domain.planning.following import Later
from app.domain.planning.plan import Place, Plan, Run, jittered, number_in_order, place_in
from app.domain.planning.slots import hour_of

UTC_NAME = "UTC"


class WindowPlan(msgspec.Struct, rename="camel"):
    """How many emails leave in the clock hour that begins at `start`."""

    start: datetime
    count: int


class DayPlan(msgspec.Struct, rename="camel"):
    """How many emails leave on a day of the calendar's zone; `steps`: of each step, where the campaign has several."""

    day: date
    count: int
    steps: list[int] = msgspec.field(default_factory=list[int])


class SenderPlan(msgspec.Struct, rename="camel"):
    """A sender's part; times are null where it gets none."""

    sender_id: int
    count: int
    first_at: datetime | None
    last_at: datetime | None
    hourly_limit: int


class StepPlan(msgspec.Struct, rename="camel"):
    """A step "if nobody answers", from 1: how many emails it has, and when the first and the last leave; times are null
    where none does. `late`: how many would leave after `latestAt`, and never do.
    """

    step: int
    count: int
    first_at: datetime | None
    last_at: datetime | None
    late: int


class PlanSummary(msgspec.Struct, rename="camel"):
    """The plan. `held_back_by`: for each limit that delays it, in how many hours it is used up; FOLLOW_UPS: room is
    kept for later steps. `timezone`: of `days`, the calendar's, or that of recipients who bring none; UTC without a
    calendar. `late`: how many are planned for after `latestAt`, by when they are cancelled.

    Of a campaign with several steps, `steps` has each and `days` all of them, "if nobody answers", and all else is of
    the first. `new_per_day`: how many new recipients a day the limits leave in the long run, when each gets all steps;
    null with one step.
    """

    first_at: datetime
    last_at: datetime
    held_back_by: dict[str, int]
    hourly: list[WindowPlan]
    timezone: str
    days: list[DayPlan]
    senders: list[SenderPlan]
    late: int
    steps: list[StepPlan] = msgspec.field(default_factory=list[StepPlan])
    new_per_day: int | None = None


class Numbered(NamedTuple):
    """A place and the number of the email that has it."""

    number: int
    place: Place


class Ends(NamedTuple):
    """Of a sender's part the first and the last, as emails are numbered."""

    first: Numbered
    last: Numbered


def ends_of(made: Plan, streams: int) -> list[Ends | None]:
    """Of each stream; None: it has nothing."""
    found: list[Ends | None] = [None] * streams
    for one in _candidates(made):
        stream = one.place.stream
        ends = found[stream]
        if ends is None:
            found[stream] = Ends(one, one)
        elif one.place.at >= ends.last.place.at:
            found[stream] = ends._replace(last=one)
        elif one.place.at < ends.first.place.at:
            found[stream] = ends._replace(first=one)
    return found


def _candidates(made: Plan) -> Iterable[Numbered]:
    """Places among which are the first and the last of each stream."""
    if made.places is not None:
        places = made.places
        return (Numbered(number, places[number]) for number in range(len(places.streams)))
    of_stream: dict[int, list[Run]] = {}
    of_slot: dict[int, list[Run]] = {}
    for run in made.runs:
        of_stream.setdefault(run.stream, []).append(run)
        of_slot.setdefault(run.first, []).append(run)
    return (
        Numbered(run.first + number_in_order(of_slot[run.first], run, place), place_in(run, run.at + place * run.gap))
        for runs in of_stream.values()
        for run, place in ((runs[0], 0), (runs[-1], runs[-1].size - 1))
    )


def summary_of(
    made: Plan,
    senders: Sequence[tuple[int, int]],
    ends: Sequence[Ends | None],
    addresses: Mapping[int, str],
    timezone: str | None,
    *,
    steps: int = 1,
    new_per_day: int | None = None,
) -> PlanSummary:
    """`senders`: of each stream, the id and the hourly limit; `addresses`: of the emails at the ends, by
    their number.
    """

    def when(one: Numbered) -> datetime:
        return jittered(one.place, addresses[one.number]) if one.place.jitter else one.place.at

    hourly, counts = Counter[datetime](), Counter[int]()
    for run in made.runs:
        hourly[hour_of(run.at)] += run.size
        counts[run.stream] += run.size
    parts = [
        SenderPlan(
            sender_id=sender_id,
            count=counts[stream],
            first_at=None if its is None else when(its.first),
            last_at=None if its is None else when(its.last),
            hourly_limit=hourly_limit,
        )
        for stream, ((sender_id, hourly_limit), its) in enumerate(zip(senders, ends, strict=True))
    ]
    first_at = min(part.first_at for part in parts if part.first_at)
    last_at = max(part.last_at for part in parts if part.last_at)
    late = sum(run.size for run in made.runs if run.late)
    return PlanSummary(
        first_at=first_at,
        last_at=last_at,
        held_back_by={str(bound): slots for bound, slots in made.held_back.items()},
        hourly=[WindowPlan(start, count) for start, count in sorted(hourly.items())],
        timezone=timezone or UTC_NAME,
        days=_days(made, timezone or UTC_NAME, steps),
        senders=parts,
        late=late,
        steps=[StepPlan(1, hourly.total(), first_at, last_at, late), *_later_steps(made, steps)] if steps > 1 else [],
        new_per_day=new_per_day,
    )


def _later_steps(made: Plan, steps: int) -> Iterable[StepPlan]:
    for step in range(steps - 1):
        its = [run for run in made.later if run.step == step]
        late = made.later_late.get(step, 0)
        first_at = min((run.at for run in its), default=None)
        last_at = max((run.at + (run.size - 1) * run.gap for run in its), default=None)
        yield StepPlan(step + 2, sum(run.size for run in its) + late, first_at, last_at, late)


def _days(made: Plan, timezone: str, steps: int) -> list[DayPlan]:
    if steps == 1:
        return [DayPlan(day, count) for day, count in sorted(_by_day(made.runs, timezone).items())]
    of_steps = [_by_day(made.runs, timezone)]
    of_steps += [_by_day([run for run in made.later if run.step == step], timezone) for step in range(steps - 1)]
    days = sorted({day for its in of_steps for day in its})
    return [DayPlan(day, sum(its[day] for its in of_steps), [its[day] for its in of_steps]) for day in days]


def _by_day(runs: Iterable[Run | Later], timezone: str) -> Counter[date]:
    zone = ZoneInfo(timezone)
    by_day = Counter[date]()

    def day_of(run: Run | Later, number: int) -> date:
        return (run.at + number * run.gap).astimezone(zone).date()

    for run in runs:
        first, last = day_of(run, 0), day_of(run, run.size - 1)
        # Midnight of some zones lies within a clock hour: how many of the run come before it.
        before = (
            run.size if first == last else _first(run.size, lambda number, of=run, day=first: day_of(of, number) > day)
        )
        by_day[first] += before
        if before < run.size:
            by_day[last] += run.size - before
    return by_day


def _first(count: int, fits: Callable[[int], bool]) -> int:
    """The first number that fits; each after one that does, does."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low
