"""Senders as workers see them: the connections they may hold, back-off, verification, who is neglected."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal, NamedTuple

from app.db import Pool, Row, fetch_all, fetch_one, transaction
from app.domain.ledger.claims import Claimant
from app.jobs import defer_wake_up, wake_up_locks
from app.sql import queries

sql = queries(__name__)
FIRST_BACK_OFF_S = 5.0
BlockKind = Literal["CONNECTION", "LOGIN", "QUOTA", "OTHER"]


async def wake_neglected(pool: Pool, within_s: float, looked_after: Collection[int] = ()) -> list[int]:
    """Wake senders that owe something within these seconds and that nobody looks after, as the caller does after some;
    returns their ids. Those whose wake-up is in the queue are not neglected: of thousands it takes a while.

    Each in a transaction of its own: thousands in one would keep waiting whoever wakes one of them meanwhile.
    """
    async with pool.connection() as conn:
        params = {"within_s": within_s, "looked_after": list(looked_after)}
        found = await fetch_all(conn, sql.neglected_senders, params)
        if not found:
            return []
        locks = {row["sender_id"]: wake_up_locks(row["sender_id"], row["due_at"]) for row in found}
        asked = [lock for either in locks.values() for lock in either]
        there = {row["queueing_lock"] for row in await fetch_all(conn, sql.wake_ups_there, {"locks": asked})}
        neglected = [sender_id for sender_id, either in locks.items() if there.isdisjoint(either)]
        for sender_id in neglected:
            await defer_wake_up(conn, sender_id)
    return neglected


class Reserved(NamedTuple):
    """How many connections a worker may hold for a sender; whether another sender of the same login waits for one."""

    lanes: int
    others_wait: bool = False


async def reserve_lanes(pool: Pool, claimant: Claimant, wanted: int, held: int = 0) -> Reserved:
    """Of the wanted connections, over all workers and all senders of the login together. Those that are open, `held`,
    nobody else gets, though more than are granted: ask again when they are closed.
    """
    async with pool.connection() as conn:
        row = await fetch_one(conn, sql.reserve_lanes, claimant.parameters() | {"wanted": wanted, "held": held})
    return Reserved(0) if row is None else Reserved(**row)


async def release_lanes(pool: Pool, claimant: Claimant) -> None:
    async with pool.connection() as conn:
        await conn.execute(sql.release_lanes, claimant.parameters())


async def load_sender(pool: Pool, sender_id: int) -> Row | None:
    """The sender's row, password still sealed; None when it is gone."""
    async with pool.connection() as conn:
        return await fetch_one(conn, sql.sender_for_worker, {"sender_id": sender_id})


async def block_sender(
    pool: Pool,
    workspace_id: int,
    sender_id: int,
    reason: str,
    *,
    known_failures: int,
    kind: BlockKind = "OTHER",
) -> datetime | None:
    """Back the sender off, longer each time in a row, unless it has failed more often than `known_failures` already;
    returns when to look at it again.
    """
    async with pool.connection() as conn:
        params = {
            "workspace_id": workspace_id,
            "sender_id": sender_id,
            "reason": reason,
            "kind": kind,
            "first_s": FIRST_BACK_OFF_S,
            "known_failures": known_failures,
        }
        row = await fetch_one(conn, sql.block_sender, params)
    return None if row is None else row["blocked_until"]


async def unblock_sender(pool: Pool, workspace_id: int, sender_id: int) -> None:
    async with pool.connection() as conn:
        await conn.execute(sql.unblock_sender, {"workspace_id": workspace_id, "sender_id": sender_id})


async def record_verification(
    pool: Pool, sender_id: int, requested_at: datetime | None, error: str | None, imap_error: str | None
) -> None:
    """Answer the request to verify made at `requested_at`, and no later one; None: connected and logged in."""
    async with transaction(pool) as conn:
        params = {"sender_id": sender_id, "requested_at": requested_at, "error": error, "imap_error": imap_error}
        await conn.execute(sql.record_verification, params)
        if error is None:
            await defer_wake_up(conn, sender_id)
