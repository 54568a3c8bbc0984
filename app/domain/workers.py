"""Worker processes as the ledger sees them: leases, the lanes they hold, what they leave behind, who is neglected."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.emails import Claimant
from app.jobs import defer_wake_up
from app.sql import query

REGISTER_WORKER = query("register_worker")
RENEW_LEASE = query("renew_lease")
UNREGISTER_WORKER = query("unregister_worker")
RECOVER = query("recover")
FORGET_DEAD_WORKERS = query("forget_dead_workers")
NEGLECTED_SENDERS = query("neglected_senders")
LOCK_SENDER = query("lock_sender")
RESERVE_LANES = query("reserve_lanes")
OTHER_WORKERS = query("other_workers")
RELEASE_LANES = query("release_lanes")
SENDER_FOR_WORKER = query("sender_for_worker")
BLOCK_SENDER = query("block_sender")
UNBLOCK_SENDER = query("unblock_sender")
RECORD_VERIFICATION = query("record_verification")

FIRST_BACK_OFF_S = 5.0


async def register(pool: Pool, token: UUID, name: str, lease_s: float) -> None:
    async with pool.connection() as conn:
        await conn.execute(REGISTER_WORKER, {"token": token, "name": name, "lease_s": lease_s})


async def renew(pool: Pool, token: UUID, lease_s: float) -> bool:
    """Whether the lease still held; if not, others took our claims for lost."""
    async with pool.connection(timeout=lease_s / 5) as conn:  # asking again makes a pool that was cut off reconnect
        return await fetch_one(conn, RENEW_LEASE, {"token": token, "lease_s": lease_s}) is not None


async def unregister(pool: Pool, token: UUID) -> None:
    async with pool.connection() as conn:
        await conn.execute(UNREGISTER_WORKER, {"token": token})


async def recover(conn: Conn, max_attempts: int) -> list[Row]:
    """Put in doubt what dead workers were sending, and forget them; returns the ids of email, campaign and sender."""
    lost = await fetch_all(conn, RECOVER, {"max_attempts": max_attempts})
    await conn.execute(FORGET_DEAD_WORKERS)
    return lost


async def wake_neglected(pool: Pool, within_s: float) -> list[int]:
    """Wake senders that owe something within these seconds and that nobody looks after; returns their ids."""
    async with transaction(pool) as conn:
        neglected = await fetch_all(conn, NEGLECTED_SENDERS, {"within_s": within_s})
        for row in neglected:
            await defer_wake_up(conn, row["sender_id"])
    return [row["sender_id"] for row in neglected]


async def reserve_lanes(pool: Pool, claimant: Claimant, wanted: int) -> int:
    """How many of the wanted connections this worker may hold for the sender, over all workers' together."""
    async with transaction(pool) as conn:
        await conn.execute(LOCK_SENDER, claimant.parameters())
        row = await fetch_one(conn, RESERVE_LANES, claimant.parameters() | {"wanted": wanted})
        if row is None:  # nor any that were granted before: max_connections may have been lowered
            await conn.execute(RELEASE_LANES, claimant.parameters())
    return 0 if row is None else int(row["count"])


async def has_others(conn: Conn, claimant: Claimant) -> bool:
    """Whether other workers are alive."""
    return (await fetch_exactly_one(conn, OTHER_WORKERS, claimant.parameters()))["any"]


async def release_lanes(pool: Pool, claimant: Claimant) -> None:
    async with pool.connection() as conn:
        await conn.execute(RELEASE_LANES, claimant.parameters())


async def load_sender(pool: Pool, sender_id: int) -> Row | None:
    """The sender's row, password still sealed; None when it is gone."""
    async with pool.connection() as conn:
        return await fetch_one(conn, SENDER_FOR_WORKER, {"sender_id": sender_id})


async def block_sender(pool: Pool, user_id: int, sender_id: int, reason: str) -> datetime | None:
    """Back the sender off, longer each time in a row; returns until when."""
    async with pool.connection() as conn:
        params = {"user_id": user_id, "sender_id": sender_id, "reason": reason, "first_s": FIRST_BACK_OFF_S}
        row = await fetch_one(conn, BLOCK_SENDER, params)
    return None if row is None else row["blocked_until"]


async def unblock_sender(pool: Pool, user_id: int, sender_id: int) -> None:
    async with pool.connection() as conn:
        await conn.execute(UNBLOCK_SENDER, {"user_id": user_id, "sender_id": sender_id})


async def record_verification(pool: Pool, sender_id: int, requested_at: datetime | None, error: str | None) -> None:
    """Answer the request to verify made at `requested_at`, and no later one; None: connected and logged in."""
    async with transaction(pool) as conn:
        params = {"sender_id": sender_id, "requested_at": requested_at, "error": error}
        await conn.execute(RECORD_VERIFICATION, params)
        if error is None:
            await defer_wake_up(conn, sender_id)
