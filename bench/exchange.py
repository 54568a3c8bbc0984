"""The exchange alone: what an email costs PostgreSQL and the worker, without SMTP."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from typing import NamedTuple
from uuid import uuid4

from app.db import Conn, open_pool
from app.domain.ledger import exchange
from app.domain.ledger.claims import Claimant, Report
from app.domain.ledger.exchange import Patience
from bench.registry import Figure, Run, bench
from bench.service import cpu_s, schedule_campaign, server, service, settle, suppress_others, wal_bytes
from worker.__main__ import PLANNER_OPTIONS

EMAILS = 20_000
IDLE = 20_000
SUPPRESSED = 1_000_000
PATIENCE = Patience(None, 96)
_LATER = """
WITH campaign AS (
    INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, start_at)
    SELECT workspace_id, id, 'n', 's', 'b', now() FROM senders, generate_series(1, %(count)s)
    RETURNING workspace_id, sender_id, id
),
stream AS (
    INSERT INTO streams (workspace_id, campaign_id, sender_id, gap_ms, next_due_at, total, scheduled)
    SELECT workspace_id, id, sender_id, 0, now() + interval '7 days', 1, 1 FROM campaign
    RETURNING workspace_id, campaign_id, id
)
INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, scheduled_at)
SELECT workspace_id, campaign_id, id, 'later@bench.example', now() + interval '7 days' FROM stream
"""


class _Cost(NamedTuple):
    """Of one email, over all of a run."""

    took_us: float
    postgres_us: float
    worker_us: float
    wal_bytes: float


@bench("exchange")
def exchanges(run: Run) -> Iterator[Figure]:
    """The exchange alone, 64 emails and 5 at a time; beside 20,000 idle campaigns, beside 1,000,000 suppressions."""
    emails = run.emails or EMAILS
    for size, idle, suppressed in ((64, 0, 0), (5, 0, 0), (64, IDLE, 0), (64, 0, SUPPRESSED)):
        with server(run.directory / f"{size}-{idle}-{suppressed}") as postgres:
            cost = asyncio.run(_run(postgres.url, emails, size, idle, suppressed))
        what = f"{size} at a time" + (f", {idle:,} idle campaigns" if idle else "")
        what += f", {suppressed:,} suppressions" if suppressed else ""
        note = (
            f"PostgreSQL {cost.postgres_us:.0f} us and the worker {cost.worker_us:.0f} us of processor time, "
            f"{cost.wal_bytes:.0f} bytes of WAL"
        )
        yield Figure(what, cost.took_us, "us an email", note)


async def _run(url: str, emails: int, size: int, idle: int, suppressed: int) -> _Cost:
    async with service(url) as (pool, user):
        await schedule_campaign(pool, user, emails, "now")
        async with pool.connection() as conn:
            if idle:
                await conn.execute(_LATER, {"count": idle})
            cursor = await conn.execute("SELECT id FROM senders")
            (sender,) = await cursor.fetchall()
            token = uuid4()
            await conn.execute("INSERT INTO workers (token, name, lease_until) VALUES (%s, 'b', 'infinity')", [token])
    if suppressed:
        suppress_others(url, suppressed)
    settle(url)
    claimant = Claimant(token, user.workspace_id, sender["id"])
    async with await open_pool(url, options=PLANNER_OPTIONS) as pool, pool.connection() as conn:
        await exchange.outlook(conn, claimant)
        return await _exchange_all(url, conn, claimant, emails, size)


async def _exchange_all(url: str, conn: Conn, claimant: Claimant, emails: int, size: int) -> _Cost:
    pid = conn.info.backend_pid
    reports: list[Report] = []
    for _ in range(20):  # until all that is prepared is
        reports = await _once(conn, claimant, reports, size)
    left = emails - 20 * size
    wal, began = wal_bytes(url), time.perf_counter()
    postgres_s, worker_s = cpu_s(pid), cpu_s(os.getpid())
    while reports:
        reports = await _once(conn, claimant, reports, size)
    took_s = time.perf_counter() - began
    per = 1e6 / left
    return _Cost(
        took_s * per,
        (cpu_s(pid) - postgres_s) * per,
        (cpu_s(os.getpid()) - worker_s) * per,
        (wal_bytes(url) - wal) / left,
    )


async def _once(conn: Conn, claimant: Claimant, reports: list[Report], size: int) -> list[Report]:
    traded = await exchange.exchange(conn, claimant, reports, size, patience=PATIENCE)
    return [
        Report(
            claim.id,
            "ACCEPTED",
            command=".",
            code=250,
            reply="2.0.0 Ok: queued",
            duration_ms=3,
            server="127.0.0.1:25",
            message_id=f"<{claim.id:032x}@bench.example>",
            content_version=claim.content_version,
            claimed_at=claim.claimed_at,
        )
        for claim in traded.claims
    ]
