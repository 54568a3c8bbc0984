"""Worker processes and their leases: who is alive, and until when the others believe it.

Each lease that is taken or renewed raises the installation's generation, which the worker keeps outside of the
database, too.
"""

from __future__ import annotations

from uuid import UUID

from app.db import Conn, Pool, fetch_exactly_one, fetch_one
from app.domain.ledger.claims import Claimant
from app.domain.operations import installation
from app.domain.operations.installation import Ours
from app.sql import queries

sql = queries(__name__)


async def register(pool: Pool, token: UUID, name: str, lease_s: float, ours: Ours, *, sandboxed: bool = False) -> None:
    """`sandboxed`: what has no server of its own goes to the sandbox. Raises OtherInstallation."""
    async with pool.connection() as conn:
        await installation.admit(conn, ours)
        params = {"token": token, "name": name, "lease_s": lease_s, "sandboxed": sandboxed}
        row = await fetch_exactly_one(conn, sql.register_worker, params)
    ours.last_seen.note(row["installation"], row["generation"])


async def renew(pool: Pool, token: UUID, lease_s: float, ours: Ours) -> bool:
    """Whether the lease still held; if not, others took our claims for lost. Raises OtherInstallation."""
    async with pool.connection(timeout=lease_s / 5) as conn:  # asking again makes a pool that was cut off reconnect
        await installation.admit(conn, ours)
        row = await fetch_one(conn, sql.renew_lease, {"token": token, "lease_s": lease_s})
    if row is not None:
        ours.last_seen.note(row["installation"], row["generation"])
    return row is not None


async def unregister(pool: Pool, token: UUID) -> None:
    async with pool.connection() as conn:
        await conn.execute(sql.unregister_worker, {"token": token})


async def has_others(conn: Conn, claimant: Claimant) -> bool:
    """Whether other workers are alive."""
    return (await fetch_exactly_one(conn, sql.other_workers, claimant.parameters()))["any"]
