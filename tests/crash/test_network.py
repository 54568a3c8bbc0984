"""The network between a worker and Postgres breaks at the worst moments: afterwards ledger and lanes agree again."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.db import Pool
from tests.support.engine import (
    Fleet,
    Owner,
    WorkerProcess,
    addresses,
    create_owner,
    row,
    rows,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
)
from tests.support.proxy import Proxy
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S

PEOPLE = addresses(40)
WARM_UP = addresses(40, "w")  # opens the window, and has the worker's statements prepared


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(database_url)
    yield proxy
    await proxy.stop()


@pytest.fixture
async def fleet(proxy: Proxy, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Workers that reach Postgres through the proxy."""
    with Fleet(await proxy.start(), tmp_path) as fleet:
        yield fleet
        assert fleet.logged("loop failed", "deadlock") == []


@pytest.fixture
async def worker(fleet: Fleet, sink: Sink) -> WorkerProcess:
    return fleet.start(settings_for(sink, lanes=4, lease_s=60))[0]


@pytest.fixture
async def owner(pool: Pool) -> Owner:
    return await create_owner(pool)


async def _waiting_for_a_lock(pool: Pool, count: int) -> bool:
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return await value(pool, blocked) == count


async def _registered(pool: Pool, workers: int) -> bool:
    return await value(pool, "SELECT count(*) FROM workers") == workers


async def _in_status(pool: Pool, status: str, at_least: int) -> bool:
    return await value(pool, "SELECT count(*) FROM emails WHERE status = %s", status) >= at_least


async def _check_each_sent_once(pool: Pool, sink: Sink, people: list[str] = PEOPLE) -> None:
    recipients = WARM_UP + people
    assert Counter(entry.envelope_to for entry in sink.accepted()) == Counter(recipients)
    assert await value(pool, "SELECT max(attempts) FROM emails") == 1
    assert {r["outcome"] for r in await rows(pool, "SELECT outcome FROM attempts")} == {"ACCEPTED"}
    used = await row(pool, "SELECT sum(used)::integer AS used, sum(accepted)::integer AS accepted FROM login_windows")
    assert used == {"used": len(recipients), "accepted": len(recipients)}


@asynccontextmanager
async def _window_held(pool: Pool) -> AsyncGenerator[None]:
    """No exchange gets further than the window's row until the end of the block."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("SELECT FROM login_windows FOR UPDATE")
        yield


@asynccontextmanager
async def _exchange_held_up(pool: Pool, owner: Owner, recipients: list[str]) -> AsyncGenerator[int]:
    """A campaign due now whose first exchange waits for the window's row, until the end of the block."""
    await wait_until_sent(pool, (await schedule_campaign(pool, owner, WARM_UP)).campaign.id)
    async with _window_held(pool):
        campaign = (await schedule_campaign(pool, owner, recipients)).campaign.id
        await wait_for(lambda: _waiting_for_a_lock(pool, 1), "an exchange to wait")
        yield campaign


async def test_claims_whose_answer_is_lost_are_given_back_and_sent(
    pool: Pool, proxy: Proxy, worker: WorkerProcess, sink: Sink, owner: Owner
) -> None:
    async with _exchange_held_up(pool, owner, PEOPLE) as campaign:
        proxy.answers = False
    await wait_for(lambda: _in_status(pool, "SENDING", 1), "the claims to be committed")
    proxy.cut()
    await wait_until_sent(pool, campaign)
    await _check_each_sent_once(pool, sink)


async def test_a_claim_that_commits_after_its_connection_broke_is_given_back_and_sent(
    pool: Pool, proxy: Proxy, worker: WorkerProcess, sink: Sink, owner: Owner
) -> None:
    """Postgres does not notice a broken connection while it waits for a lock, and commits all the same."""
    async with _exchange_held_up(pool, owner, PEOPLE) as campaign:
        proxy.cut()
        await wait_for(lambda: _waiting_for_a_lock(pool, 2), "the exchange to be repeated")
    await wait_until_sent(pool, campaign)
    await _check_each_sent_once(pool, sink)


async def test_outcomes_whose_recording_is_not_confirmed_are_recorded_once(
    pool: Pool, proxy: Proxy, worker: WorkerProcess, sink: Sink, owner: Owner
) -> None:
    await wait_until_sent(pool, (await schedule_campaign(pool, owner, WARM_UP)).campaign.id)
    sink.script({"dot": "hold"})
    campaign = (await schedule_campaign(pool, owner, PEOPLE[:4])).campaign.id
    await asyncio.to_thread(sink.wait, held=4)
    async with _window_held(pool):
        sink.script([])
        sink.release()
        await wait_for(lambda: _waiting_for_a_lock(pool, 1), "an exchange to wait")
        proxy.answers = False
    await wait_for(lambda: _in_status(pool, "SENT", len(WARM_UP) + 1), "an outcome to be recorded")
    proxy.cut()
    await wait_until_sent(pool, campaign)
    await _check_each_sent_once(pool, sink, PEOPLE[:4])


async def test_looking_for_claims_unheard_of_does_not_give_back_those_just_made(
    pool: Pool, proxy: Proxy, worker: WorkerProcess, sink: Sink, owner: Owner
) -> None:
    """A worker that lost its connection once looks again a few seconds later, while it goes on sending."""
    sink.script({"dot": {"slow": 0.3}})
    async with _exchange_held_up(pool, owner, addresses(80)) as campaign:
        proxy.cut()
    await wait_until_sent(pool, campaign)
    await _check_each_sent_once(pool, sink, addresses(80))


@pytest.mark.parametrize("workers", [1, 2])
async def test_workers_cut_off_from_postgres_for_longer_than_a_lease_do_not_take_each_other_for_dead(
    pool: Pool, proxy: Proxy, fleet: Fleet, sink: Sink, owner: Owner, workers: int
) -> None:
    lease_s = 5.0  # longer than a machine stalls
    sink.script({"dot": "hold"})
    fleet.start(settings_for(sink, lanes=4, lease_s=lease_s), workers)
    await wait_for(lambda: _registered(pool, workers), "the workers to register")
    campaign = (await schedule_campaign(pool, owner, PEOPLE)).campaign.id
    await asyncio.to_thread(sink.wait, held=4 * workers)
    proxy.open = False
    proxy.cut()
    sink.script([])
    sink.release()  # what they learn now they cannot report
    await asyncio.sleep(lease_s + 1)
    proxy.open = True
    await wait_until_sent(pool, campaign)
    assert Counter(entry.envelope_to for entry in sink.accepted()) == Counter(PEOPLE)


async def test_a_worker_told_to_stop_while_its_connections_die_stops(
    pool: Pool, proxy: Proxy, fleet: Fleet, sink: Sink, owner: Owner
) -> None:
    """psycopg loses a cancel that comes together with the end of the connection."""
    (worker,) = fleet.start(settings_for(sink, lease_s=10))
    await wait_until_sent(pool, (await schedule_campaign(pool, owner, WARM_UP)).campaign.id)
    proxy.answers = False

    async def unanswered() -> bool:
        """The sweep has begun its transaction, and will not hear of it."""
        begun = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query = 'BEGIN'"
        return await value(pool, begun) > 0

    await wait_for(unanswered, "the sweep to wait for an answer")
    worker.signal(signal.SIGTERM)

    async def finishing() -> bool:
        return bool(fleet.logged("finishing what is in flight"))

    await wait_for(finishing, "the worker to hear of it")
    proxy.cut()
    assert await asyncio.to_thread(worker.process.wait, BOUND_S) == 0
