"""The pool: which connection it gives, and that none gets lost."""

from __future__ import annotations

import asyncio

import pytest

from app.db import Pool, open_pool
from tests.support.waiting import BOUND_S


async def test_the_connection_that_came_back_last_is_given_first(pool: Pool) -> None:
    async with pool.connection() as first, pool.connection() as second, pool.connection() as third:
        pids = [conn.info.backend_pid for conn in (first, second, third)]
    # They came back from the last to the first.
    async with pool.connection() as again:
        assert again.info.backend_pid == pids[0]
        async with pool.connection() as beside:
            assert beside.info.backend_pid == pids[1]
    for _ in range(5):
        async with pool.connection() as again:
            assert again.info.backend_pid == pids[0]


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_a_cancel_while_a_connection_is_given_back_costs_nobody_one(database_url: str, turns: int) -> None:
    """As of a worker's helpers that end while its queues still need one."""
    async with await open_pool(database_url, max_size=1) as pool:
        held = await pool.getconn()

        async def waits() -> None:
            async with pool.connection():
                pass

        waiting = asyncio.create_task(waits())
        giving = asyncio.create_task(pool.putconn(held))
        for _ in range(turns):
            await asyncio.sleep(0)
        giving.cancel()
        await asyncio.wait_for(waiting, BOUND_S)
        await asyncio.wait([giving])
        async with pool.connection(timeout=BOUND_S) as again:
            assert again is held


@pytest.mark.parametrize("turns", range(1, 6))
@pytest.mark.parametrize("released_after", range(4))
async def test_nor_does_one_that_falls_between_what_others_give_back(
    database_url: str, released_after: int, turns: int
) -> None:
    """While whoever waits for the pool's lock has been let in, and has not run yet."""
    async with await open_pool(database_url, min_size=2, max_size=2) as pool:
        first, second = await pool.getconn(), await pool.getconn()
        lock = pool._lock  # pyright: ignore[reportPrivateUsage] -- as whoever grows or shrinks the pool holds it
        await lock.acquire()
        earlier = asyncio.create_task(pool.putconn(first))
        for _ in range(3):
            await asyncio.sleep(0)

        async def release() -> None:
            for _ in range(released_after):
                await asyncio.sleep(0)
            lock.release()

        releasing = asyncio.create_task(release())
        giving = asyncio.create_task(pool.putconn(second))
        for _ in range(turns):
            await asyncio.sleep(0)
        giving.cancel()
        await asyncio.wait([releasing, earlier, giving])
        async with pool.connection(timeout=BOUND_S), pool.connection(timeout=BOUND_S):
            pass
