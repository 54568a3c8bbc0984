"""Tables that grew much faster than Postgres counts them.

A worker has its queries planned once. A plan for a table that held next to nothing may go through all of a workspace's
rows, and the server's own autovacuum comes by once a minute, if it is on: until then thousands of campaigns that were
just scheduled would cost each exchange a walk through all of them. Counting a table has plans of it made anew.
"""

from __future__ import annotations

from psycopg.sql import SQL, Identifier

from app.db import Pool, fetch_all
from app.sql import queries

sql = queries(__name__)


async def count_outgrown(pool: Pool) -> list[str]:
    """Have Postgres count the tables that have ten times the rows it knows of, and name them."""
    async with pool.connection() as conn:
        names = [row["name"] for row in await fetch_all(conn, sql.outgrown)]
        for name in names:
            await conn.execute(SQL("ANALYZE (SKIP_LOCKED) {}").format(Identifier(name)))
    return names
