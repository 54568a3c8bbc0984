"""Failover as people run it: Patroni promotes the synchronous standby, and workers find it by a URL of two hosts.

`make check-failover` runs this; it needs Debian's Patroni, etcd and PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from app.db import migrate, open_pool
from tests.support.engine import (
    Fleet,
    check_deliveries,
    create_owner,
    execute,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_settled,
)
from tests.support.patroni import CAN_RUN, WANTED, patroni_cluster
from tests.support.sinkproc import Sink

pytestmark = [
    pytest.mark.skipif("CI" not in os.environ and not CAN_RUN, reason=WANTED),
    pytest.mark.long,
]

EMAILS, LANES, WORKERS = 4000, 4, 3


async def test_patroni_moves_the_service_to_the_standby_and_nothing_is_lost_or_sent_twice(tmp_path: Path) -> None:
    with patroni_cluster() as cluster, Sink({"dot": {"slow": 0.03}}) as sink:
        assert migrate(cluster.url) > 0
        async with await open_pool(cluster.url) as pool:
            with Fleet(cluster.url, tmp_path, AFTER_FAILOVER="continue") as fleet:
                owner = await create_owner(pool)
                await execute(pool, "UPDATE logins SET max_connections = %s", LANES * WORKERS)
                fleet.start(settings_for(sink, lanes=LANES, lease_s=20), WORKERS)
                campaign = (await schedule_campaign(pool, owner, EMAILS)).campaign.id

                async def a_third() -> bool:
                    return len(sink.accepted()) >= EMAILS // 3

                await wait_for(a_third, "a third to be accepted")
                leader = cluster.node("leader")
                assert leader
                await asyncio.to_thread(leader.kill)
                counts = await wait_until_settled(pool, campaign, 180)
                times = sink.times()
                pause_s = max(later - earlier for earlier, later in pairwise(times))
                print(f"{EMAILS} emails in {times[-1] - times[0]:.1f} s: {dict(counts)}, pause {pause_s:.1f} s")
                assert counts["SENT"] + counts["UNKNOWN"] == EMAILS
                assert counts["UNKNOWN"] <= LANES * WORKERS
                assert pause_s <= 30
                assert max(Counter(entry.envelope_to for entry in sink.accepted()).values()) == 1
                await check_deliveries(pool, sink)
                assert await value(pool, "SELECT timeline FROM installation") == 2
                for worker in fleet.all:
                    assert worker.drain() == 0
                assert fleet.logged("loop failed", "deadlock") == []
