"""Forecast and actual: the first plan of a campaign is kept as runs, and held against what was sent.

Of a campaign with several steps it is about the first, and `steps` tell of each: the later ones were planned "if nobody
answers", so beside what was planned stands how many get a step no more. An email's deviation is when it was sent less
when the first plan had it, whatever became of the plan since; what was not sent has none. Of a campaign with more than
`SAMPLE` emails as many are looked at, spread evenly over its list. They are paired in order of time: of recipients in
several zones, a run does not say whose place is whose.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from statistics import median_low
from typing import Any, Literal

import msgspec
from psycopg.types.json import Jsonb

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.planning.following import Later
from app.domain.planning.plan import Run
from app.domain.planning.slots import HOUR, hour_of
from app.errors import InvalidInput, NotFound
from app.sql import queries

sql = queries(__name__)

SAMPLE = 2_000
MOST_RUNS = 10_000  # kept as they are; of more, those of an hour become one
MOST_HOURS = 7 * 24  # told by the hour; what takes longer is told by the day
MOST_DAYS = 92
AT_ONCE = 20  # campaigns that are measured in a round
MILLISECOND = timedelta(milliseconds=1)


class ForecastPoint(msgspec.Struct):
    """How many emails the first plan had between `start` and the next point, and how many were sent then."""

    start: datetime
    planned: int
    sent: int


class StepForecast(msgspec.Struct, rename="camel"):
    """A step, from 1; null: it was removed. `planned`: by the first plan, "if nobody answers", 0 of one that came
    later; `stopped`: how many recipients get it no more as things stand, since they answered or were stopped, or an
    earlier email of theirs failed: those the plan had. The deviations are of those who got it.
    """

    step: int | None
    planned: int
    sent: int
    stopped: int
    points: list[ForecastPoint]
    median_late_ms: int | None
    worst_late_ms: int | None


class Forecast(msgspec.Struct, rename="camel"):
    """Emails first planned and emails sent, by the clock hour or, where that would be more than a week, by the day
    (UTC). `median_late_ms`, `worst_late_ms`: how much later than planned, negative: earlier; null: nothing was sent. Of
    a campaign with several steps this is the first, and `steps` has each.
    """

    by: Literal["hour", "day"]
    points: list[ForecastPoint]
    median_late_ms: int | None
    worst_late_ms: int | None
    steps: list[StepForecast] = msgspec.field(default_factory=list[StepForecast])


class ForecastOfAll(msgspec.Struct, rename="camel"):
    """The same over all campaigns and steps. The deviations are of the `campaigns` that ended meanwhile: the median of
    their medians, and the worst of all, of first steps and of later ones. `planned_later`: how many of what was planned
    are of later steps, if nobody had answered.
    """

    by: Literal["hour", "day"]
    points: list[ForecastPoint]
    campaigns: int
    median_late_ms: int | None
    worst_late_ms: int | None
    planned_later: int
    later_median_late_ms: int | None
    later_worst_late_ms: int | None


class _Measured(msgspec.Struct):
    """Of a step: what came of it. It is kept so."""

    id: int
    later: bool
    sent: int
    stopped: int
    hours: dict[datetime, int]
    median_ms: int | None
    worst_ms: int | None


async def keep(
    conn: Conn, workspace_id: int, campaign_id: int, runs: Sequence[Run], later: Sequence[Later] = ()
) -> None:
    """Keep the plan that a campaign is scheduled with; its steps are there."""
    kept = await asyncio.to_thread(_shortened, runs)
    of_steps = await asyncio.to_thread(_shortened_by_step, later)
    columns: dict[str, list[Any]] = {
        "ats": [run[0] for run in kept],
        "counts": [run[1] for run in kept],
        "gaps_ms": [run[2] for run in kept],
        "later_steps": [step for step, _ in of_steps],
        "later_ats": [run[0] for _, run in of_steps],
        "later_counts": [run[1] for _, run in of_steps],
        "later_gaps_ms": [run[2] for _, run in of_steps],
    }
    await conn.execute(sql.keep, {"workspace_id": workspace_id, "campaign_id": campaign_id, **columns})


async def of_campaign(pool: Pool, workspace_id: int, campaign_id: int) -> Forecast:
    """Raises NotFound, also where the first plan was not kept."""
    sent: dict[datetime, int]
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.forecast_of, {"workspace_id": workspace_id, "campaign_id": campaign_id})
        if row is None:
            raise NotFound(f"no campaign {campaign_id}, or it is from before first plans were kept")
        if row["emails_removed_at"] is None:
            sent, median_ms, worst_ms = await _measure(conn, workspace_id, campaign_id, row)
            measured = await _measure_steps(conn, workspace_id, campaign_id, row, sent, (median_ms, worst_ms))
        else:
            sent = dict(zip(row["sent_hours"] or (), row["sent_counts"] or (), strict=True))
            median_ms, worst_ms = row["median_ms"], row["worst_ms"]
            measured = msgspec.convert(row["steps"] or [], list[_Measured], strict=False)
        numbers = await fetch_all(conn, sql.steps_now, {"workspace_id": workspace_id, "campaign_id": campaign_id})
    of_steps = [
        StepForecast(
            one["step"],
            sum(planned.values()),
            its.sent,
            its.stopped,
            _points(planned, its.hours)[1],
            its.median_ms,
            its.worst_ms,
        )
        for one in sorted(numbers, key=lambda step: step["step"] is None)
        for its in measured
        if its.id == one["id"] and ((planned := _planned_by_hour(row, its)) or one["step"] is not None)
    ]
    return Forecast(*_points(_hours(row["ats"], row["counts"]), sent), median_ms, worst_ms, of_steps)


def _planned_by_hour(row: Row, step: _Measured) -> Counter[datetime]:
    ats, counts, _ = _runs_of(row, step.id) if step.later else (row["ats"], row["counts"], ())
    return _hours(ats, counts)


def _hours(ats: Sequence[datetime], counts: Sequence[int]) -> Counter[datetime]:
    found: Counter[datetime] = Counter()
    for at, count in zip(ats, counts, strict=True):
        found[hour_of(at)] += count
    return found


def _runs_of(row: Row, step_id: int) -> tuple[list[datetime], list[int], list[int]]:
    """The runs of a later step, as columns."""
    own = [number for number, each in enumerate(row["later_steps"]) if each == step_id]
    ats, counts, gaps = ([row[name][n] for n in own] for name in ("later_ats", "later_counts", "later_gaps_ms"))
    return ats, counts, gaps


async def of_all(pool: Pool, workspace_id: int, days: int) -> ForecastOfAll:
    """Over the last `days` days. Raises InvalidInput."""
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput({"days": f"is out of range; give 1 to {MOST_DAYS}"})
    params = {"workspace_id": workspace_id, "days": days}
    async with transaction(pool, workspace_id) as conn:
        planned = await fetch_all(conn, sql.planned_of_all, params)
        sent = await fetch_all(conn, sql.sent_of_all, params)
        deviations = await fetch_exactly_one(conn, sql.deviations, params)
        later = await fetch_exactly_one(conn, sql.deviations_of_later, params)
    by, points = _points(_by_hour(planned), _by_hour(sent))
    return ForecastOfAll(
        by,
        points,
        deviations["campaigns"],
        deviations["median_ms"],
        deviations["worst_ms"],
        int(sum(row["later"] for row in planned)),
        later["median_ms"],
        later["worst_ms"],
    )


async def measure_what_is_over(pool: Pool) -> None:
    """Keep what came of plans whose campaigns are over, before their emails go for their age."""
    while over := await _over_and_unmeasured(pool):
        for campaign in over:
            async with transaction(pool) as conn:
                row = await fetch_one(conn, sql.forecast_of, campaign)
                if row is None:
                    continue  # its workspace is gone
                ids = campaign["workspace_id"], campaign["campaign_id"]
                sent, median_ms, worst_ms = await _measure(conn, *ids, row)
                steps = await _measure_steps(conn, *ids, row, sent, (median_ms, worst_ms))
                measured = {"median_ms": median_ms, "worst_ms": worst_ms, "steps": Jsonb(msgspec.to_builtins(steps))}
                hours = {"hours": list(sent), "counts": list(sent.values())}
                await conn.execute(sql.keep_measured, campaign | measured | hours)


async def _over_and_unmeasured(pool: Pool) -> list[Row]:
    async with transaction(pool) as conn:
        return await fetch_all(conn, sql.over_and_unmeasured, {"limit": AT_ONCE})


async def _measure(
    conn: Conn, workspace_id: int, campaign_id: int, row: Row
) -> tuple[dict[datetime, int], int | None, int | None]:
    """Emails sent by the hour, and the median and the worst deviation."""
    span = {"first_id": row["first_email_id"], "last_id": row["last_email_id"]}
    params: dict[str, Any] = {"workspace_id": workspace_id, "campaign_id": campaign_id, **span}
    sent = {each["hour"]: each["n"] for each in await fetch_all(conn, sql.sent_by_hour, params)}
    total = sum(row["counts"])
    numbers = range(total) if total <= SAMPLE else [n * total // SAMPLE for n in range(SAMPLE)]
    rows = await fetch_all(conn, sql.sent_of, params | {"numbers": list(numbers)}) if sent else []
    if not rows:
        return sent, None, None
    return sent, *_deviation((row["ats"], row["counts"], row["gaps_ms"]), rows)


async def _measure_steps(
    conn: Conn,
    workspace_id: int,
    campaign_id: int,
    row: Row,
    sent: Mapping[datetime, int],
    late_ms: tuple[int | None, int | None],
) -> list[_Measured]:
    """Of each step; `sent` and `late_ms` are the first's. None of a campaign of one step."""
    span = {"first_id": row["first_email_id"], "last_id": row["last_email_id"]}
    params: dict[str, Any] = {"workspace_id": workspace_id, "campaign_id": campaign_id, **span}
    steps = await fetch_all(conn, sql.steps_now, params)
    if not steps:
        return []
    standing = {each["step_id"]: each for each in await fetch_all(conn, sql.standing_of_steps, params)}
    hours: dict[int, dict[datetime, int]] = {}
    for each in await fetch_all(conn, sql.later_by_hour, params):
        hours.setdefault(each["step_id"], {})[each["hour"]] = each["n"]
    looked: dict[int, list[Row]] = {}
    for each in await fetch_all(conn, sql.later_sent_of, params | {"sample": SAMPLE}) if hours else []:
        looked.setdefault(each["step_id"], []).append(each)
    nothing = {"total": 0, "sent": 0, "waiting": 0, "following": 0}
    recipients = standing.get(steps[0]["id"], nothing)["total"]
    measured: list[_Measured] = []
    before = 0  # whoever may still get it: of those before it, what waits and what is followed
    for number, step in enumerate(steps):
        now = standing.get(step["id"], nothing)
        stopped = recipients - before - now["sent"] - now["waiting"]
        before += now["waiting"] + now["following"]
        its, deviation = (hours.get(step["id"], {}), _deviation(_runs_of(row, step["id"]), looked.get(step["id"], [])))
        if number == 0:
            its, deviation = dict(sent), late_ms
        measured.append(_Measured(step["id"], number > 0, now["sent"], max(stopped, 0), its, *deviation))
    return measured


def _deviation(
    runs: tuple[Sequence[datetime], Sequence[int], Sequence[int]], rows: Sequence[Row]
) -> tuple[int | None, int | None]:
    """The median and the worst of what was sent, each with its number in the list; None: the runs have none of it."""
    total = sum(runs[1])
    found = [each for each in rows if each["number"] < total]
    if not found:
        return None, None
    planned = sorted(_planned_at(*runs, [each["number"] for each in found]))
    pairs = zip(planned, sorted(each["sent_at"] for each in found), strict=True)
    late = [(sent_at - planned_at) // MILLISECOND for planned_at, sent_at in pairs]
    return median_low(late), max(late, key=abs)


def _planned_at(
    ats: Sequence[datetime], counts: Sequence[int], gaps_ms: Sequence[int], numbers: Iterable[int]
) -> list[datetime]:
    """When the runs have the emails with these numbers, which are in the order of their places."""
    firsts = array("q", accumulate(counts, initial=0))
    times: list[datetime] = []
    for number in numbers:
        run = min(bisect_right(firsts, number), len(ats)) - 1
        times.append(ats[run] + (number - firsts[run]) * gaps_ms[run] * MILLISECOND)
    return times


def _shortened_by_step(later: Sequence[Later]) -> list[tuple[int, tuple[datetime, int, int]]]:
    """By the number of the step, from 0."""
    steps = sorted({one.step for one in later})
    return [(step, run) for step in steps for run in _shortened([one for one in later if one.step == step])]


def _shortened(runs: Sequence[Run] | Sequence[Later]) -> list[tuple[datetime, int, int]]:
    """As (at, count, milliseconds apart), in order of time."""
    kept = sorted((run.at, run.size, run.gap // MILLISECOND) for run in runs)
    if len(kept) <= MOST_RUNS:
        return kept
    hours: dict[datetime, list[tuple[datetime, int, int]]] = {}
    for run in kept:
        hours.setdefault(hour_of(run[0]), []).append(run)
    merged: list[tuple[datetime, int, int]] = []
    for its in hours.values():
        count = sum(run[1] for run in its)
        spread = its[-1][0] - its[0][0] + (its[-1][1] - 1) * its[-1][2] * MILLISECOND
        merged.append((its[0][0], count, spread // MILLISECOND // max(count - 1, 1)))
    return merged


def _by_hour(rows: Iterable[Row]) -> dict[datetime, int]:
    return {row["hour"]: int(row["n"]) for row in rows}


def _points(
    planned: Mapping[datetime, int], sent: Mapping[datetime, int]
) -> tuple[Literal["hour", "day"], list[ForecastPoint]]:
    """All from the first to the last in which anything was planned or sent, those between without either included."""
    hours = planned.keys() | sent.keys()
    if not hours:
        return "hour", []
    by, step = "hour", HOUR
    if max(hours) - min(hours) >= MOST_HOURS * HOUR:
        by, step = "day", 24 * HOUR
    counts: list[Counter[datetime]] = []
    for each in (planned, sent):
        counts.append(Counter())
        for hour, count in each.items():
            counts[-1][hour if by == "hour" else hour.replace(hour=0)] += count
    starts = counts[0].keys() | counts[1].keys()
    first, last = min(starts), max(starts)
    every = [first + n * step for n in range((last - first) // step + 1)]
    return by, [ForecastPoint(start, counts[0][start], counts[1][start]) for start in every]
