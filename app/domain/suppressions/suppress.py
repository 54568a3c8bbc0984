"""Writing to somebody no more, from the commit on: the suppression, and what waits for them cancelled.

A transaction that suppresses takes `owed` for itself alone, and only then looks for emails: one that adds some
(scheduling, a retry) takes it with others and looks last. So one of the two sees the other. An exchange takes no part:
it looks itself, once it holds the streams. Emails at a server already may still arrive. Streams and campaigns are
locked before suppressions are written, as by exchanges, which write some, too.

All here is for a transaction of the service: row-level security would keep what is looked for by plain text, emails of
before there were digests, from its index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from app.db import Conn, fetch_all, fetch_exactly_one, fetch_one
from app.domain.accounts.actor import Actor
from app.domain.ledger import streams
from app.mail.addresses import key
from app.sql import queries

sql = queries(__name__)

Reason = Literal["UNSUBSCRIBED", "BOUNCED", "COMPLAINED", "REPLIED_STOP", "MANUAL"]
CancelReason = Literal["SUPPRESSED", "STOPPED", "REPLIED"]
BATCH = 1_000  # addresses at once: others wait meanwhile


class Suppressed(NamedTuple):
    """How many were `added`, how many were `known` already (whatever for), and how many emails were cancelled. `ids` of
    those that are new or have a stronger reason than before.
    """

    added: int
    known: int
    cancelled: int
    ids: list[int]


class Owed(NamedTuple):
    """Addresses by their digests, and by `app.mail.addresses.key` as far as the plain text is known."""

    keys: list[bytes]
    mailboxes: list[str]


async def suppress(
    conn: Conn,
    workspace_id: int,
    *,
    emails: Sequence[str] = (),
    domains: Sequence[str] = (),
    keys: Sequence[bytes] = (),
    reason: Reason,
    email_id: int | None = None,
    holds_email: bool = False,
    actor: Actor | None = None,
    note: str | None = None,
) -> Suppressed:
    """Write no more to the addresses and to all of the domains; 1,000 at most. `keys` are for addresses that are known
    by their digest alone (`address_digest`), as after an erasure.

    Addresses and domains as `app.mail.addresses` has them. `email_id`: the email that it came from, whose stream is
    held from here on, too, if it `holds_email`. The recipient's own word takes the place of a member's word or a
    bounce, and a click that of an answer. What no response says stands behind one that does, which a correction may
    take back. Repeating it is harmless.
    """
    params = {
        "workspace_id": workspace_id,
        "emails": list(emails),
        "domains": list(domains),
        "keys": list(keys),
        "reason": reason,
        "email_id": email_id,
        "made_by": actor and actor.user_id,
        "note": note,
    }
    await owe_nothing_new(conn, workspace_id)
    found = await fetch_exactly_one(conn, sql.digests, params)
    owed = Owed(found["keys"], [key(email) for email in emails])
    stream_ids = await lock_owing(conn, workspace_id, owed, [email_id] if holds_email and email_id is not None else [])
    await conn.execute(sql.lock_campaigns_owing, params | {"stream_ids": stream_ids})
    await conn.execute(sql.stand_behind, params | {"known": owed.keys})
    made = await fetch_all(conn, sql.insert_suppressions, params)
    cancelled = await cancel_owed(conn, workspace_id, owed, stream_ids)
    added = sum(row["is_new"] for row in made)
    return Suppressed(added, len(found["keys"]) + len(set(domains)) - added, cancelled, [row["id"] for row in made])


async def owe_nothing_new(conn: Conn, workspace_id: int) -> None:
    """Nobody else adds emails of the workspace or suppresses in it until the commit. Taken before streams."""
    await conn.execute(sql.owe_nothing_new, {"workspace_id": workspace_id})


async def lock_owing(conn: Conn, workspace_id: int, owed: Owed, emails: Sequence[int] = ()) -> list[int]:
    """Hold the streams in which something waits for one of the addresses, and those of the emails; their ids."""
    params = {"workspace_id": workspace_id, "ids": list(emails)} | owed._asdict()
    rows = await fetch_all(conn, sql.lock_streams_owing, params)
    return [row["id"] for row in rows]


async def cancel_owed(conn: Conn, workspace_id: int, owed: Owed, stream_ids: list[int]) -> int:
    """Cancel what waits in these streams, which are locked, for addresses that are suppressed; how many emails."""
    if not stream_ids:
        return 0
    params = {"workspace_id": workspace_id, "stream_ids": stream_ids} | owed._asdict()
    cancelled = await fetch_exactly_one(conn, sql.cancel_owed, params)
    await streams.settle(conn, workspace_id, stream_ids)
    return cancelled["n"]


async def cancel_emails(
    conn: Conn, workspace_id: int, ids: Sequence[int], stream_ids: list[int], why: CancelReason
) -> int:
    """Cancel those of the emails that wait, and have nothing follow for their recipients in their campaigns; their
    streams are locked. How many emails that concerns.
    """
    params = {"workspace_id": workspace_id, "ids": list(ids), "stream_ids": stream_ids, "why": why}
    cancelled = await fetch_exactly_one(conn, sql.cancel_emails, params)
    await streams.settle(conn, workspace_id, stream_ids)
    return cancelled["n"] + cancelled["stopped"]


async def withdraw(conn: Conn, workspace_id: int, *, key: bytes, email_id: int) -> bool:
    """ "That was a mistake": end the unsubscription that this address made with this email, within a day. Cancelled
    emails stay so, and other reasons to suppress the address stand. False: there is none.
    """
    params = {"workspace_id": workspace_id, "key": key, "email_id": email_id}
    await owe_nothing_new(conn, workspace_id)
    return await fetch_one(conn, sql.withdraw, params) is not None
