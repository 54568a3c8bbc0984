"""The pool: which connection it gives."""

from __future__ import annotations

from app.db import Pool


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
