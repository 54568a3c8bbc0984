"""The pool: which connection it gives, and that none gets lost."""

from __future__ import annotations

import asyncio

import pytest

from app.db import Pool, open_pool


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
        await asyncio.wait_for(waiting, 5)
        await asyncio.wait([giving])
        async with pool.connection(timeout=5) as again:
            assert again is held
