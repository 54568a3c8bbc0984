"""Worker processes and their leases: who is alive, and until when the others believe it."""

from __future__ import annotations

from uuid import UUID

from app.db import Conn, Pool, fetch_exactly_one, fetch_one
from app.domain.ledger.claims import Claimant
from app.sql import queries

sql = queries(__name__)


async def register(pool: Pool, token: UUID, name: str, lease_s: float) -> None:
    async with pool.connection() as conn:
        await conn.execute(sql.register_worker, {"token": token, "name": name, "lease_s": lease_s})


async def renew(pool: Pool, token: UUID, lease_s: float) -> bool:
    """Whether the lease still held; if not, others took our claims for lost."""
    async with pool.connection(timeout=lease_s / 5) as conn:  # asking again makes a pool that was cut off reconnect
        return await fetch_one(conn, sql.renew_lease, {"token": token, "lease_s": lease_s}) is not None


async def unregister(pool: Pool, token: UUID) -> None:
    async with pool.connection() as conn:
        await conn.execute(sql.unregister_worker, {"token": token})


async def has_others(conn: Conn, claimant: Claimant) -> bool:
    """Whether other workers are alive."""
    return (await fetch_exactly_one(conn, sql.other_workers, claimant.parameters()))["any"]
