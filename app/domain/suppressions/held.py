"""Recipients left out when emails are made or sent again, since they are suppressed: looked for twice.

The first look, without a lock, takes the suppressed out of a staged list. The last, once `owed` is held with others,
cancels what a suppression of meanwhile concerns: a suppression waits for us, or we see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from app.db import Conn, fetch_all, fetch_exactly_one, fetch_one
from app.domain.suppressions.suppress import Owed, Reason, cancel_owed
from app.errors import Conflict
from app.sql import queries

sql = queries(__name__)

MOST_SHOWN = 1_000
_WORDS: dict[Reason, str] = {
    "UNSUBSCRIBED": "unsubscribed",
    "BOUNCED": "was said not to exist",
    "COMPLAINED": "complained",
    "REPLIED_STOP": "asked to stop",
    "MANUAL": "was suppressed",
}


class LeftOut(msgspec.Struct, frozen=True):
    """A row that nobody is sent to, though nothing is wrong with it: `reason` says why, and since when."""

    row: int
    email: str
    reason: str


class SuppressedEmail(msgspec.Struct, frozen=True):
    """An email that is not sent again: `reason` says why, and since when."""

    id: int
    email: str
    reason: str


class FirstLook(NamedTuple):
    """The recipients who were taken out of the stage: their numbers, and the first of them as people read it. `newest`:
    of the suppressions that there were.
    """

    numbers: list[int]
    shown: list[LeftOut]
    newest: int


class Suppressed(Conflict):
    """Somebody wants no more, or cannot be reached."""

    code = "suppressed"


async def first_look(conn: Conn, workspace_id: int) -> FirstLook:
    """Take the suppressed out of `staged`, which has gaps in its numbers then."""
    params = {"workspace_id": workspace_id, "shown": MOST_SHOWN}
    latest = await newest(conn, workspace_id)
    found = await fetch_exactly_one(conn, sql.suppressed_of_staged, params)
    if found["numbers"]:
        await conn.execute(sql.take_out, {"numbers": found["numbers"]})
    shown = [
        LeftOut(row["row"], row["email"], words(row["reason"], datetime.fromisoformat(row["since"]), row["domain"]))
        for row in found["shown"]
    ]
    return FirstLook(found["numbers"], shown, latest)


async def newest(conn: Conn, workspace_id: int) -> int:
    """The id of the workspace's latest suppression; 0: there is none."""
    return (await fetch_exactly_one(conn, sql.newest, {"workspace_id": workspace_id}))["id"]


async def last_look(conn: Conn, workspace_id: int, stream_ids: list[int], newest: int) -> None:
    """Cancel emails of these new streams that are suppressed since the first look. No look for suppressions comes after
    this one, so the transaction ends soon.
    """
    await owe_something(conn, workspace_id)
    params = {"workspace_id": workspace_id, "newest": newest}
    keys = (await fetch_exactly_one(conn, sql.suppressed_since, params))["keys"]
    if keys:
        await cancel_owed(conn, workspace_id, Owed(keys, []), stream_ids)
        await conn.execute(sql.walk_again, params)


async def owe_something(conn: Conn, workspace_id: int) -> None:
    """For transactions that make emails wait or move them: until the commit nobody suppresses. Before streams are
    locked, and then look.
    """
    await conn.execute(sql.owe_something, {"workspace_id": workspace_id})


async def check(conn: Conn, workspace_id: int, address: str) -> None:
    """Raises Suppressed."""
    row = await fetch_one(conn, sql.suppression_of, {"workspace_id": workspace_id, "address": address})
    if row is not None:
        raise Suppressed(f"{address} {words(row['reason'], row['created_at'], row['domain'])}")


async def of_emails(conn: Conn, workspace_id: int, email_ids: Sequence[int], status: str) -> list[SuppressedEmail]:
    """Those of the emails in the status whose recipients are suppressed; where a person insisted on writing to them,
    only since then.
    """
    params = {"workspace_id": workspace_id, "ids": list(email_ids), "status": status}
    rows = await fetch_all(conn, sql.suppressed_of, params)
    return [
        SuppressedEmail(row["id"], row["recipient"], words(row["reason"], row["created_at"], row["domain"]))
        for row in rows
    ]


def words(reason: Reason, since: datetime, domain: str | None) -> str:
    """Such as "unsubscribed on 3 May 2026"; with the domain where it is not about the address alone."""
    day = since.astimezone(UTC)
    said = f"{_WORDS[reason]} on {day.day} {day:%B %Y}"
    return said if domain is None else f"{said}, with all of {domain}"
