"""Sending: emails a second from the ledger to an SMTP sink, attempts and synchronous commit included."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.campaigns.steps import Step
from bench.registry import Figure, Run, bench
from bench.service import (
    CONTENT,
    count_by_status,
    cpu_s,
    memory_mb,
    postgres_cpu_s,
    schedule_campaign,
    server,
    service,
    settle,
    suppress_others,
    wait_for_messages,
    wal_bytes,
    worker,
)
from tests.support.sinkproc import Sink


@bench("send")
def send(run: Run) -> Iterator[Figure]:
    """One worker process hands due emails to the sink: 5 lanes, 64, and 64 beside 1,000,000 suppressions."""
    for lanes, emails, suppressed in ((5, 20_000, 0), (64, 40_000, 0), (64, 40_000, 1_000_000)):
        yield send_rate(run.directory / f"{lanes}-{suppressed}", lanes, emails, suppressed=suppressed)


@bench("backlog")
def backlog(run: Run) -> Iterator[Figure]:
    """The same with 1,000,000 emails scheduled for next week."""
    yield send_rate(run.directory, 64, 40_000, waiting=1_000_000)


def send_rate(directory: Path, lanes: int, emails: int, *, waiting: int = 0, suppressed: int = 0) -> Figure:
    """Emails a second of one worker process with so many lanes, while `waiting` others are not due and `suppressed`
    others are written to no more.
    """
    with server(directory) as postgres, Sink() as sink:
        asyncio.run(_prepare(postgres.url, emails, waiting, suppressed))
        with worker(postgres.url, sink, lanes) as process:
            wait_for_messages(sink, emails)
            used_s, memory = cpu_s(process.pid), memory_mb(process.pid)
        counts = count_by_status(postgres.url)
        assert counts.get("SENT") == emails, counts
        times = sink.times()
        assert len(times) == emails
        took_s = times[-1] - times[0]
        note = (
            f"worker {used_s / took_s:.2f} cores and {memory:.0f} MB, sink {sink.stats()['cpu_s'] / took_s:.2f} cores"
        )
        what = f"{lanes} lanes" + (f", {waiting:,} waiting" if waiting else "")
        what += f", {suppressed:,} suppressions" if suppressed else ""
        return Figure(what, (emails - 1) / took_s, "emails/s", note)


async def _prepare(url: str, emails: int, waiting: int, suppressed: int) -> None:
    async with service(url) as (pool, user):
        if waiting:
            next_week = datetime.now(UTC) + timedelta(days=7)
            await schedule_campaign(pool, user, waiting, "later", start_time=next_week)
        await schedule_campaign(pool, user, emails, "now")
    if suppressed:
        suppress_others(url, suppressed)
    settle(url)


@bench("suppressed", only_if_named=True)
def suppressed(run: Run) -> Iterator[Figure]:
    """The cost that 1,000,000 suppressions add to an email, sent by 64 lanes: seven pairs of runs, in turns."""
    with server(run.directory / "without") as without, server(run.directory / "beside") as beside:

        async def both(emails: int) -> list[tuple[_Cost, _Cost]]:
            async with service(without.url) as first, service(beside.url) as second:
                suppress_others(beside.url, 1_000_000)
                return await _in_turns((_Side(without.url, *first), _Side(beside.url, *second)), emails)

        yield from _added(asyncio.run(both(run.emails or 10_000)), "without/beside")


@bench("steps", only_if_named=True)
def steps(run: Run) -> Iterator[Figure]:
    """The cost that owing two later steps adds to an email, sent by 64 lanes: seven pairs of runs, in turns."""
    later = tuple(Step(wait=timedelta(days=3), body=CONTENT.body) for _ in range(2))
    stepped = {"steps": later, "follow_up_without_reading": True}
    with server(run.directory / "one") as one, server(run.directory / "three") as three:

        async def both(emails: int) -> list[tuple[_Cost, _Cost]]:
            async with service(one.url) as first, service(three.url) as second:
                return await _in_turns((_Side(one.url, *first), _Side(three.url, *second, stepped)), emails)

        yield from _added(asyncio.run(both(run.emails or 10_000)), "one step/three")


def _added(pairs: list[tuple[_Cost, _Cost]], sides: str) -> Iterator[Figure]:
    """The cost that the second of each pair adds."""
    for what, unit in (("worker_us", "us"), ("postgres_us", "us"), ("wal_bytes", "bytes")):
        costs = [[getattr(cost, what) for cost in pair] for pair in pairs]
        added = sorted(100 * (after / before - 1) for before, after in costs)
        shown = ", ".join(f"{before:.0f}/{after:.0f}" for before, after in costs)
        yield Figure(f"{what} an email, added", median(added), "%", f"{unit} {sides}: {shown}")
    total = [100 * (sum(after[:2]) / sum(before[:2]) - 1) for before, after in pairs]
    yield Figure("processor time of both, added", median(total), "%", ", ".join(f"{one:+.1f}" for one in total))


class _Cost(NamedTuple):
    """Of one email."""

    worker_us: float
    postgres_us: float
    wal_bytes: float


class _Side(NamedTuple):
    """A database whose cost is compared with another's; `draft`: what its campaigns have."""

    url: str
    pool: Pool
    user: User
    draft: Mapping[str, Any] = {}


async def _in_turns(sides: tuple[_Side, _Side], emails: int, rounds: int = 7) -> list[tuple[_Cost, _Cost]]:
    pairs: list[tuple[_Cost, _Cost]] = []
    for number in range(rounds + 1):
        costs: list[_Cost] = []
        for side in sides:
            await schedule_campaign(side.pool, side.user, emails, f"round{number}-", **side.draft)
            settle(side.url)
            costs.append(await asyncio.to_thread(_cost, side.url, emails))
        pairs.append((costs[0], costs[1]))
    return pairs[1:]  # the first fills caches


def _cost(url: str, emails: int) -> _Cost:
    """Of all emails but those of the beginning, while which programs start."""
    with Sink() as sink, worker(url, sink, 64) as process:
        wait_for_messages(sink, emails // 10)
        began = sink.stats()["messages"]
        before = cpu_s(process.pid), postgres_cpu_s(url), wal_bytes(url)
        wait_for_messages(sink, emails)
        after = cpu_s(process.pid), postgres_cpu_s(url), wal_bytes(url)
    left = emails - began
    return _Cost(
        *(1e6 * (then - now) / left for now, then in zip(before[:2], after[:2], strict=True)),
        (after[2] - before[2]) / left,
    )


@bench("punctual")
def punctual(run: Run) -> Iterator[Figure]:
    """100 emails a second, planned 10 ms apart, for a minute: how late each reaches the sink."""
    emails = 6_000
    with server(run.directory) as postgres, Sink() as sink:
        planned = asyncio.run(_spaced(postgres.url, emails))
        with worker(postgres.url, sink, 5):
            wait_for_messages(sink, emails)
        late_ms = sorted((m.at - planned[m.envelope_to]) * 1000 for m in sink.accepted())
        assert len(late_ms) == emails
    early = sum(late < 0 for late in late_ms)
    for name, number in (("median", emails // 2), ("p99", emails * 99 // 100), ("worst", emails - 1)):
        yield Figure(f"lateness, {name}", late_ms[number], "ms", f"{early} early")


async def _spaced(url: str, emails: int) -> dict[str, float]:
    async with service(url) as (pool, user):
        return await schedule_spaced(pool, user, emails)


async def schedule_spaced(pool: Pool, user: User, emails: int) -> dict[str, float]:
    """Schedule emails 10 ms apart from three seconds on; gives each address's planned time in epoch seconds."""
    start = datetime.now(UTC) + timedelta(seconds=3)
    done = await schedule_campaign(pool, user, emails, "spaced", start_time=start, delay_between_ms=10)
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "SELECT recipient, scheduled_at FROM emails WHERE campaign_id = %s", [done.campaign.id]
        )
        return {row["recipient"]: row["scheduled_at"].timestamp() for row in await cursor.fetchall()}
