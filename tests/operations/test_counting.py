"""Tables that outgrew what Postgres knows of them are counted, and once."""

from __future__ import annotations

from app.db import Pool, open_pool
from app.domain.operations.counting import count_outgrown
from tests.support.engine import Owner, create_owner, execute, schedule_campaign, value

KNOWN = "SELECT reltuples::integer FROM pg_class WHERE relname = 'emails'"


async def _schedule(pool: Pool, owner: Owner, count: int) -> None:
    await schedule_campaign(pool, owner, count)
    await execute(pool, "SELECT pg_stat_force_next_flush()")


async def test_a_table_that_grew_tenfold_since_it_was_counted_is_counted_once(database_url: str) -> None:
    async with await open_pool(database_url, max_size=1) as pool:  # whose one connection has told what it wrote
        owner = await create_owner(pool)
        await execute(pool, "ALTER TABLE emails SET (autovacuum_enabled = off)")
        await execute(pool, "ANALYZE emails")
        await _schedule(pool, owner, 40)
        assert "emails" not in await count_outgrown(pool)
        await _schedule(pool, owner, 60)
        assert "emails" in await count_outgrown(pool)
        assert await value(pool, KNOWN) == 100
        await _schedule(pool, owner, 200)
        assert "emails" not in await count_outgrown(pool)
