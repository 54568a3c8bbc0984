"""Sending: emails a second from the ledger to an SMTP sink, attempts and synchronous commit included."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.db import Pool
from app.domain.accounts.users import User
from bench.registry import Figure, Run, bench
from bench.service import (
    count_by_status,
    cpu_s,
    memory_mb,
    schedule_campaign,
    server,
    service,
    settle,
    suppress_others,
    wait_for_messages,
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
