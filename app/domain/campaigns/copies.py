"""Who gets no copy of messages, although a campaign says so. Workers ask for every email that has copies, once it is
claimed: so whoever said stop before the claim gets none.
"""

from __future__ import annotations

from app.db import Pool, fetch_all
from app.sql import queries

sql = queries(__name__)


async def left_out(pool: Pool, workspace_id: int, keys: frozenset[str]) -> frozenset[str]:
    """Of addresses, by their keys, those that the workspace writes to no more."""
    async with pool.connection() as conn:
        rows = await fetch_all(conn, sql.suppressed_copies, {"workspace_id": workspace_id, "keys": list(keys)})
    return frozenset(row["key"] for row in rows)
