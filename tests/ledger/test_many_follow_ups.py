"""Follow-ups that fall due all at once: made in batches, while others' exchanges go on."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from uuid import uuid4

import pytest

from app.db import Pool, fetch_exactly_one
from app.domain.campaigns.steps import Step
from app.domain.ledger import follow_ups
from app.domain.ledger.claims import Claimant, Report
from app.domain.ledger.exchange import exchange, outlook
from app.domain.operations import counting
from tests.ledger.test_holds import PATIENCE
from tests.support.engine import (
    NO_LIMIT,
    Owner,
    add_sender,
    addresses,
    check_conservation,
    execute,
    rows,
    schedule_campaign,
    value,
)

LANES = 5
SWEEP_S = 2.0
# As workers would have sent them, one by one, each of which then owes its next step within the hour.
ALL_SENT = """
WITH sent AS (
    UPDATE emails SET status = 'SENT', attempts = 1, claimed_at = now() - interval '1 s', sent_at = now(),
                      follow_at = now() + random() * interval '59 minutes'
    WHERE campaign_id = %(campaign)s
)
UPDATE streams SET sent = total, scheduled = 0, next_due_at = NULL WHERE campaign_id = %(campaign)s
"""


async def owed_by(pool: Pool, owner: Owner, many: int, stem: str = "r") -> int:
    """A campaign that has sent so many, of which each owes its next step within the hour."""
    steps = (Step(wait=timedelta(minutes=30), body="Did you see it?"),)
    campaign = (
        await schedule_campaign(pool, owner, addresses(many, stem), steps=steps, follow_up_without_reading=True)
    ).campaign.id
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(ALL_SENT, {"campaign": campaign})
    return campaign


async def exchange_until(pool: Pool, claimant: Claimant, over: asyncio.Event) -> list[float]:
    """Another sender's exchanges, one after the other; how long each took."""
    took: list[float] = []
    async with pool.connection() as conn:
        await outlook(conn, claimant)
        reports: list[Report] = []
        while not over.is_set():
            began = time.perf_counter()
            traded = await exchange(conn, claimant, reports, LANES, patience=PATIENCE)
            took.append(time.perf_counter() - began)
            assert traded.claims
            reports = [
                Report(one.id, "ACCEPTED", claimed_at=one.claimed_at, content_version=1) for one in traded.claims
            ]
            await asyncio.sleep(0.01)  # what the server takes
        await exchange(conn, claimant, reports, 0, patience=PATIENCE)
    return took


@pytest.mark.parametrize("many", [3_000, pytest.param(200_000, marks=pytest.mark.long)])
async def test_follow_ups_that_fall_due_together_are_made_in_batches_that_keep_nobody_waiting(
    pool: Pool, owner: Owner, many: int
) -> None:
    campaign = await owed_by(pool, owner, many)
    other = await add_sender(pool, owner, "other@example.com", hourly_limit=NO_LIMIT)
    await schedule_campaign(pool, other, 10_000 + many)
    await counting.count_outgrown(pool)
    token = uuid4()
    await execute(pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', 'infinity')", token)
    over = asyncio.Event()
    exchanges = asyncio.create_task(exchange_until(pool, Claimant(token, *other), over))
    assert await follow_ups.follow_up(pool, for_s=0) == (
        0,
        0,
    )  # once its time is over, others of the sweep have their turn
    made, sweeps = 0, list[float]()
    while made < many:
        began = time.perf_counter()
        swept = await follow_ups.follow_up(pool, for_s=SWEEP_S)
        sweeps.append(time.perf_counter() - began)
        assert swept.made
        made += swept.made
    over.set()
    took = sorted(await exchanges)
    p99 = took[len(took) * 99 // 100]
    print(
        f"{many} made in {sum(sweeps):.1f} s, {len(sweeps)} sweeps, the longest {max(sweeps):.2f} s;"
        f" {len(took)} exchanges of another sender, p99 {p99 * 1000:.1f} ms, the longest {took[-1] * 1000:.1f} ms"
    )
    assert await follow_ups.follow_up(pool) == (0, 0)
    assert len(took) > 2 * len(sweeps), "no exchange waits for a sweep"
    assert await check_conservation(pool, campaign) == {"SENT": many, "SCHEDULED": many}
    assert await value(pool, "SELECT sum(following) FROM streams") == 0


async def test_what_is_changed_of_many_emails_at_once_is_counted_of_each_stream_and_for_each_reason(
    pool: Pool, owner: Owner
) -> None:
    campaigns = [await owed_by(pool, owner, many, stem) for many, stem in ((5, "a"), (7, "b"))]
    stopped = (
        "UPDATE emails SET follow_at = NULL,"
        " stopped = (ARRAY['REPLIED', 'STOPPED'])[1 + (id %% 2)::integer]::cancel_reason"
        " WHERE id IN (SELECT id FROM emails ORDER BY id OFFSET %s LIMIT %s)"
    )
    await execute(pool, stopped, 1, 3)
    await execute(pool, stopped, 4, 3)
    await execute(pool, "UPDATE emails SET follow_at = NULL WHERE id = (SELECT max(id) FROM emails)")
    await execute(pool, "UPDATE emails SET follow_at = now() WHERE stopped IS NULL")
    assert (
        await rows(
            pool,
            "SELECT s.following = count(e.follow_at) AS counted,"
            " s.stops = (SELECT jsonb_object_agg(o.stopped, o.n) FROM (SELECT f.stopped, count(*) AS n FROM emails f"
            "   WHERE f.stream_id = s.id AND f.stopped IS NOT NULL GROUP BY 1) o) AS told"
            " FROM streams s JOIN emails e ON e.stream_id = s.id GROUP BY s.workspace_id, s.id",
        )
        == [{"counted": True, "told": True}] * 2
    )
    for campaign in campaigns:
        await check_conservation(pool, campaign)


async def test_many_changes_in_one_statement_are_counted_once_a_stream(pool: Pool, owner: Owner) -> None:
    """Row by row, each went past all that the ones before it had written of the stream."""
    campaigns = [await owed_by(pool, owner, 300, stem) for stem in ("a", "b")]
    async with pool.connection() as conn, conn.transaction():
        written = "SELECT n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = 'streams'"
        before = (await fetch_exactly_one(conn, written))["n_tup_upd"]
        await conn.execute("UPDATE emails SET follow_at = NULL WHERE follow_at IS NOT NULL")
        after = (await fetch_exactly_one(conn, written))["n_tup_upd"]
    assert after - before == len(campaigns)
    assert await value(pool, "SELECT sum(following) FROM streams") == 0
