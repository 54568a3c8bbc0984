"""Verifying a sender: a worker connects to its servers and logs in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.db import Conn, Pool, fetch_one, transaction
from app.errors import CheckRuns, Conflict, NotFound, Unavailable
from app.jobs import defer_verification
from app.sql import queries

sql = queries(__name__)

VERIFY_TIMEOUT_S = 60.0
VERIFY_POLL_S = 0.1


class Verification(msgspec.Struct, rename="camel"):
    """Whether the servers let us in; if not, why, in their own words where they had some: `error` of the SMTP server's,
    `imap_error` of the IMAP server's, where the sender has one.
    """

    ok: bool
    error: str | None
    imap_error: str | None
    verified_at: datetime


async def ask_to_verify(pool: Pool, workspace_id: int, sender_id: int) -> None:
    """Have a worker connect and log in, when it has done so with the workspace's others; nobody waits for it."""
    async with transaction(pool, workspace_id) as conn:
        params = {"workspace_id": workspace_id, "sender_id": sender_id}
        if await fetch_one(conn, sql.request_verification, params) is not None:
            await defer_verification(conn, workspace_id, sender_id)


async def forget(conn: Conn, workspace_id: int, sender_ids: Sequence[int]) -> None:
    """The senders have other servers, or other credentials."""
    await conn.execute(sql.forget_verification, {"workspace_id": workspace_id, "sender_ids": list(sender_ids)})


async def verify_sender(pool: Pool, workspace_id: int, sender_id: int) -> Verification:
    """Have a worker connect and log in, and wait for what it says.

    Raises NotFound, CheckRuns while another is being checked in the workspace, Conflict when the sender got other
    servers meanwhile, and Unavailable when no worker answers within a minute.
    """
    params = {"workspace_id": workspace_id, "sender_id": sender_id}
    async with transaction(pool, workspace_id) as conn:
        await conn.execute(sql.lock_checks, params)
        running = await fetch_one(conn, sql.running_check, params | {"within_s": VERIFY_TIMEOUT_S})
        if running is not None:
            raise CheckRuns(running["id"])
        if await fetch_one(conn, sql.request_verification, params) is None:
            raise NotFound(f"no sender {sender_id}")
        await defer_verification(conn, workspace_id, sender_id)
    deadline = time.monotonic() + VERIFY_TIMEOUT_S
    while time.monotonic() < deadline:
        async with transaction(pool, workspace_id) as conn:
            row = await fetch_one(conn, sql.verification, params)
        if row is None:
            raise NotFound(f"no sender {sender_id}")
        if row["verified_at"] is not None:
            ok = row["verify_error"] is None and row["verify_imap_error"] is None
            return Verification(ok, row["verify_error"], row["verify_imap_error"], row["verified_at"])
        if not row["is_asked"]:
            raise Conflict("the sender's servers were changed while they were connected to; verify it again")
        await asyncio.sleep(VERIFY_POLL_S)
    raise Unavailable("no worker answered within a minute; is one running?")
