"""A worker is called dead only by one that could have seen it live for a whole lease."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

from app.db import Pool
from app.domain.operations import workers
from tests.support.engine import (
    Fleet,
    Owner,
    attempts,
    execute,
    ours_in,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
)
from tests.support.sinkproc import Sink
from worker.lease import Lease

LEASE_S = 3.0


async def test_a_worker_that_starts_judges_nobody_before_a_lease_has_passed(pool: Pool, tmp_path: Path) -> None:
    token, ours = uuid4(), ours_in(tmp_path)
    await workers.register(pool, token, "fresh", LEASE_S, ours)
    lease = Lease(pool, token, LEASE_S, ours)
    keeping = asyncio.create_task(lease.keep())
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def may_judge() -> bool:
        return lease.may_judge

    await wait_for(may_judge, "a lease to pass")
    keeping.cancel()
    assert loop.time() - began >= LEASE_S - 0.1


async def test_a_worker_that_starts_as_postgres_is_back_does_not_take_one_for_dead_that_lives(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, tmp_path: Path
) -> None:
    """Its lease ran out meanwhile, and it renews a moment later than the other starts."""
    sink.script({"dot": "hold"})
    with Fleet(database_url, tmp_path) as fleet:
        fleet.start(settings_for(sink, lanes=1, lease_s=20))
        campaign = (await schedule_campaign(pool, owner, 1, on_unknown="resend")).campaign.id
        await asyncio.to_thread(sink.wait, held=1)
        # As it is after an outage: the next renewal, within 4 s, mends it.
        await execute(pool, "UPDATE workers SET lease_until = now() - interval '1 second'")
        async with running_workers(database_url, settings_for(sink, lanes=1, lease_s=20)):

            async def renewed() -> bool:
                return await value(pool, "SELECT count(*) FROM workers WHERE lease_until > now()") == 2

            await wait_for(renewed, "the one that lives to renew")
            sink.script({})
            sink.release()
            await wait_until_sent(pool, campaign)
    assert len(sink.accepted()) == 1
    assert [a["outcome"] for a in await attempts(pool, campaign, "r0@example.com")] == ["ACCEPTED"]
