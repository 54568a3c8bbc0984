"""Mailboxes as those who read them see them: leased for one pass, with a place in each folder.

A place is moved in the transaction that records what was found before it, and only while the lease is held. So a
worker that dies in the middle leaves the rest to the next, and one that was too slow records nothing more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.db import Conn, Pool, fetch_all, fetch_one, transaction
from app.sql import queries

sql = queries(__name__)

LEASE_S = 180.0  # longer than a pass takes between two places
WATCH_S = 300.0  # longer than a watcher waits between two calls of `watch`


class LeaseLost(Exception):
    """Another worker reads the mailbox, or nobody does any more."""


class Place(NamedTuple):
    """All of the folder up to `uid` was looked at."""

    folder: str
    uid_validity: int
    uid: int


class Inbox(NamedTuple):
    """A mailbox that is ours to read for as long as the lease lasts: under `sender_id`, for all senders that share it.
    The pass sees messages that had come by `began` (the database's time); messages from before `since` answer nothing.
    """

    token: UUID
    workspace_id: int
    sender_id: int
    began: datetime
    since: datetime

    def parameters(self) -> dict[str, Any]:
        return {"token": self.token, "workspace_id": self.workspace_id, "sender_id": self.sender_id}


async def settle(pool: Pool, *, poll_s: float) -> None:
    """Have a row for each mailbox that is read, and for no other; one whose senders began to send is read soon."""
    async with transaction(pool) as conn:
        await conn.execute(sql.close_inboxes)
        await conn.execute(sql.open_inboxes)
        await conn.execute(sql.look_sooner, {"poll_s": poll_s})


async def lease(pool: Pool, token: UUID, limit: int) -> list[Inbox]:
    """Those that are due, so many at most."""
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.lease_inboxes, {"token": token, "limit": limit, "lease_s": LEASE_S})
    return [Inbox(**row) for row in rows]


async def places(pool: Pool, inbox: Inbox) -> dict[str, Place]:
    """By folder."""
    async with transaction(pool, inbox.workspace_id) as conn:
        rows = await fetch_all(conn, sql.places, inbox.parameters())
    return {row["folder"]: Place(**row) for row in rows}


async def move(conn: Conn, inbox: Inbox, place: Place) -> None:
    """Last in a transaction that records what lies before the place. Raises LeaseLost."""
    if await fetch_one(conn, sql.keep_lease, inbox.parameters() | {"lease_s": LEASE_S}) is None:
        raise LeaseLost
    await conn.execute(sql.keep_place, inbox.parameters() | place._asdict())


async def end(pool: Pool, inbox: Inbox, *, is_whole: bool, poll_s: float) -> None:
    """`is_whole`: all was read that had come when the pass began."""
    async with transaction(pool, inbox.workspace_id) as conn:
        params = inbox.parameters() | {"began": inbox.began, "is_whole": is_whole, "poll_s": poll_s, "lease_s": LEASE_S}
        await conn.execute(sql.end_pass, params)


async def fail(pool: Pool, inbox: Inbox, error: str, *, poll_s: float) -> None:
    """Leave it alone for a while; `error` is for people."""
    async with transaction(pool, inbox.workspace_id) as conn:
        params = inbox.parameters() | {"began": inbox.began, "error": error, "poll_s": poll_s, "lease_s": LEASE_S}
        await conn.execute(sql.fail_pass, params)


async def leave(pool: Pool, inbox: Inbox, again_in_s: float) -> None:
    """Give it back: it was no fault of its own that the pass ended."""
    async with transaction(pool, inbox.workspace_id) as conn:
        await conn.execute(sql.leave_pass, inbox.parameters() | {"again_in_s": again_in_s})


async def watch(pool: Pool, inbox: Inbox, *, goes_on: bool = False) -> bool:
    """Whether the mailbox is the worker's to watch, for the next `WATCH_S`; `goes_on`: still is."""
    params = inbox.parameters() | {"watch_s": WATCH_S, "goes_on": goes_on}
    async with transaction(pool, inbox.workspace_id) as conn:
        return await fetch_one(conn, sql.watch, params) is not None


async def note_news(pool: Pool, inbox: Inbox) -> None:
    """Something came into a mailbox that the worker watches."""
    async with transaction(pool, inbox.workspace_id) as conn:
        await conn.execute(sql.note_news, inbox.parameters())


async def watch_no_more(pool: Pool, inbox: Inbox) -> None:
    async with transaction(pool, inbox.workspace_id) as conn:
        await conn.execute(sql.watch_no_more, inbox.parameters())
