"""Addresses that get no copy of messages, although a campaign names them. Workers ask for every email that has copies,
once it is claimed: so one that was suppressed before the claim gets none.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.db import Pool, fetch_all, transaction
from app.sql import queries

sql = queries(__name__)


async def left_out(pool: Pool, workspace_id: int, addresses: Mapping[str, str]) -> frozenset[str]:
    """Of addresses, by keys, the keys of those that the workspace writes to no more."""
    params = {"workspace_id": workspace_id, "addresses": list(addresses.values())}
    async with transaction(pool, workspace_id) as conn:
        found = {row["address"] for row in await fetch_all(conn, sql.suppressed_copies, params)}
    return frozenset(key for key, address in addresses.items() if address in found)
