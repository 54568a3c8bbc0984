"""The primary is lost, its standby is promoted and gets its address: what workers do about it.

With a synchronous standby nothing that was committed is lost, and with AFTER_FAILOVER=continue sending goes on by
itself. An asynchronous one may have missed what was sent last: nothing is sent until an administrator has decided.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from app.db import Pool, migrate, open_pool
from app.embedded.postgres import EmbeddedPostgres
from tests.support import clusters
from tests.support.engine import (
    SECRET_KEY,
    Fleet,
    check_conservation,
    check_deliveries,
    create_owner,
    execute,
    recipients_by_status,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_settled,
)
from tests.support.proxy import Proxy
from tests.support.shell import Shell
from tests.support.sinkproc import Sink

LANES, WORKERS, LEASE_S = 4, 3, 4.0


class Pair:
    """A primary, its standby, and the address of the one that is in charge."""

    def __init__(self, folder: Path, primary: EmbeddedPostgres, standby: EmbeddedPostgres, proxy: Proxy) -> None:
        self._folder = folder
        self.primary = primary
        self.standby = standby
        self._proxy = proxy
        self.url = ""

    async def be_synchronous(self) -> None:
        with psycopg.connect(self.primary.superuser_url, autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            conn.execute("SELECT pg_reload_conf()")
        await self._replicates("sync")

    async def is_followed(self) -> None:
        await self._replicates("async")

    async def fall_behind(self, pool: Pool) -> None:
        """From here on the standby gets nothing more."""
        with psycopg.connect(self.standby.superuser_url, autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET primary_conninfo = ''")
            conn.execute("SELECT pg_reload_conf()")

        async def alone() -> bool:
            return not await value(pool, "SELECT count(*) FROM pg_stat_replication")

        await wait_for(alone, "the standby to be cut off")

    async def fail_over(self) -> None:
        await asyncio.to_thread(clusters.kill_server, self._folder / "primary" / "postgres" / "cluster")
        self._proxy.cut()
        await asyncio.to_thread(clusters.promote, self.standby)
        self._proxy.point_to(self.standby.url)

    async def _replicates(self, how: str) -> None:
        async with await open_pool(self.primary.superuser_url, max_size=1) as pool:

            async def found() -> bool:
                state = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = %s"
                return await value(pool, state, how) == 1

            await wait_for(found, f"the standby to be {how}")


@asynccontextmanager
async def pair_of_servers(folder: Path) -> AsyncGenerator[Pair]:
    async with AsyncExitStack() as stack:
        primary = stack.enter_context(clusters.server(folder / "primary"))
        migrate(primary.url)
        standby = await asyncio.to_thread(clusters.follow, primary, folder / "primary", folder / "standby")
        stack.callback(standby.stop, "immediate")
        proxy = Proxy(primary.url)
        stack.push_async_callback(proxy.stop)
        pair = Pair(folder, primary, standby, proxy)
        pair.url = await proxy.start()
        await pair.is_followed()
        yield pair


async def accepted(sink: Sink) -> Counter[str]:
    return Counter(entry.envelope_to for entry in sink.accepted())


async def accepts(sink: Sink, count: int) -> None:
    async def many() -> bool:
        return len(sink.accepted()) >= count

    await wait_for(many, f"{count} to be accepted")


async def refuses(fleet: Fleet, workers: int) -> None:
    async def all_say_so() -> bool:
        return sum("nothing is claimed or sent" in worker.log for worker in fleet.all) == workers

    await wait_for(all_say_so, "the workers to notice")


@pytest.mark.parametrize("emails", [300, pytest.param(4000, marks=pytest.mark.long)])
async def test_a_synchronous_standby_that_is_promoted_goes_on_and_nothing_is_lost_or_sent_twice(
    tmp_path: Path, emails: int
) -> None:
    async with pair_of_servers(tmp_path) as pair, await open_pool(pair.primary.url) as before:
        await pair.be_synchronous()
        with Sink({"dot": {"slow": 0.03}}) as sink, Fleet(pair.url, tmp_path, AFTER_FAILOVER="continue") as fleet:
            owner = await create_owner(before)
            await execute(before, "UPDATE logins SET max_connections = %s", LANES * WORKERS)
            fleet.start(settings_for(sink, lanes=LANES, lease_s=LEASE_S), WORKERS)
            campaign = (await schedule_campaign(before, owner, emails, on_unknown="hold")).campaign.id
            await accepts(sink, emails // 3)
            await pair.fail_over()
            async with await open_pool(pair.standby.url) as pool:
                counts = await wait_until_settled(pool, campaign, 120)
                times = sink.times()
                pause_s = max(later - earlier for earlier, later in pairwise(times))
                print(f"{emails} emails in {times[-1] - times[0]:.1f} s: {dict(counts)}, longest pause {pause_s:.1f} s")
                assert counts["SENT"] + counts["UNKNOWN"] == emails
                assert counts["UNKNOWN"] <= LANES * WORKERS
                assert pause_s <= 30
                assert max((await accepted(sink)).values()) == 1
                await check_deliveries(pool, sink)
                noted = "SELECT timeline = 2 FROM installation"  # by the next lease that is taken or renewed
                await wait_for(lambda: value(pool, noted), "the new timeline to be noted")
            await drain(fleet)
            assert fleet.logged("loop failed", "deadlock") == []


async def test_after_a_failover_nothing_is_sent_until_somebody_says_that_nothing_was_lost(tmp_path: Path) -> None:
    """AFTER_FAILOVER=ask, the default. Emails at a server meanwhile are recorded then."""
    async with pair_of_servers(tmp_path) as pair, await open_pool(pair.primary.url) as before:
        await pair.be_synchronous()
        with Sink({"dot": "hold"}) as sink, Fleet(pair.url, tmp_path) as fleet:
            owner = await create_owner(before)
            fleet.start(settings_for(sink, lanes=LANES, lease_s=LEASE_S))
            campaign = (await schedule_campaign(before, owner, 50, on_unknown="resend")).campaign.id
            await asyncio.to_thread(sink.wait, held=LANES)
            await pair.fail_over()
            sink.script({})
            sink.release()  # what these are told, nobody can write down now
            await refuses(fleet, 1)
            assert len(sink.accepted()) == LANES
            await take_over(tmp_path, pair.standby.url, "--nothing-lost")
            async with await open_pool(pair.standby.url) as pool:
                assert await wait_until_settled(pool, campaign) == {"SENT": 50}
                await check_deliveries(pool, sink)
            assert set((await accepted(sink)).values()) == {1}
            await drain(fleet)


@pytest.mark.long
@pytest.mark.parametrize("after_failover", ["ask", "continue"])
async def test_an_asynchronous_standby_that_missed_something_sends_nothing_until_it_is_taken_over(
    tmp_path: Path, after_failover: str
) -> None:
    """Where one trusts it all the same, the generation that leases had raised tells that it missed something."""
    async with pair_of_servers(tmp_path) as pair, await open_pool(pair.primary.url) as before:
        with (
            Sink({"dot": {"slow": 0.03}}) as sink,
            Fleet(pair.url, tmp_path, AFTER_FAILOVER=after_failover) as fleet,
        ):
            owner = await create_owner(before)
            await execute(before, "UPDATE logins SET max_connections = %s", LANES * WORKERS)
            fleet.start(settings_for(sink, lanes=LANES, lease_s=1.0), WORKERS)
            campaign = (await schedule_campaign(before, owner, 2000, on_unknown="resend")).campaign.id
            await accepts(sink, 50)
            await pair.fall_behind(before)
            missed_from = await value(before, "SELECT generation FROM installation")

            async def missed_a_lease() -> bool:
                return await value(before, "SELECT generation FROM installation") > missed_from + WORKERS

            await wait_for(missed_a_lease, "leases to be renewed")
            await accepts(sink, len(sink.accepted()) + 50)
            await pair.fail_over()
            await refuses(fleet, WORKERS)
            sent = len(sink.accepted())
            async with await open_pool(pair.standby.url) as pool:
                behind = sent - (await check_conservation(pool, campaign))["SENT"]
                print(f"{sent} were accepted; the standby does not know of {behind}")
                assert behind >= 50
                await asyncio.sleep(2)  # enough to send hundreds
                assert len(sink.accepted()) == sent
                await take_over(tmp_path, pair.standby.url)
                counts = await check_conservation(pool, campaign)
                assert counts["SCHEDULED"] == 0
                sink_knows = await accepted(sink)
                assert max(sink_knows.values()) == 1
                # Workers that knew what became of an email have said so; the rest of what was sent is in doubt.
                status_of = await recipients_by_status(pool, campaign)
                assert {status_of[recipient] for recipient in sink_knows} <= {"SENT", "UNKNOWN"}
            await drain(fleet)
            assert len(sink.accepted()) == sent


async def drain(fleet: Fleet) -> None:
    """Not in this thread, in which their way to Postgres lies."""
    assert await asyncio.gather(*(asyncio.to_thread(worker.drain) for worker in fleet.all)) == [0] * len(fleet.all)


async def take_over(folder: Path, url: str, *options: str) -> None:
    """Once the leases that the standby knows of are over."""
    shell = Shell(folder / "shell", DATABASE_URL=url, SECRET_KEY=SECRET_KEY)

    async def done() -> bool:
        ended = await asyncio.to_thread(shell, "take-over", *options)
        assert "a standby was promoted" in ended.stderr
        assert ended.returncode == 0 or "a worker is at work" in ended.stderr, ended.stderr
        return ended.returncode == 0

    await wait_for(done, "the leases to be over")
