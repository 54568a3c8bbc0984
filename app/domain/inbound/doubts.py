"""Doubts that resolve themselves: whether a copy of an email lies in Sent, where only its sender's server puts one.

An email that is found there was sent. One that is not tells little by itself: many servers keep no copies. Where a wire
check has shown that this one does, a person is told so, and a campaign may have the email sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from app.db import Pool, fetch_all, fetch_one, transaction
from app.domain.inbound.inboxes import Inbox, Place
from app.domain.inbound.matching import Named
from app.domain.ledger import decisions, streams
from app.mail.addresses import domain_of
from app.mail.opaque import MessageIds
from app.sql import queries

sql = queries(__name__)

AT_ONCE = 50  # a pass
SETTLED_S = 3600.0  # after this, no server puts a copy into Sent any more


class Doubt(NamedTuple):
    """An email in doubt since an attempt, and the Message-ID that its copy has, in angle brackets."""

    email: Named
    attempt: int
    message_id: str


class Copy(NamedTuple):
    """Where a copy lies, since when, and under which id (without brackets): a server may have put in its own."""

    place: Place
    at: datetime
    message_id: str


async def of_inbox(pool: Pool, inbox: Inbox, ids: MessageIds) -> list[Doubt]:
    """Some of those that were sent from the mailbox."""
    params = {
        "workspace_id": inbox.workspace_id,
        "inbox_id": inbox.sender_id,
        "limit": AT_ONCE,
        "settled_s": SETTLED_S,
    }
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.doubts_of_inbox, params)
    return [
        Doubt(
            Named(*(row[name] for name in Named._fields)),
            row["attempts"],
            # A worker that died has not told the ledger which id it gave; it is the same each time.
            row["message_id"] or ids.of(inbox.workspace_id, row["id"], domain_of(row["sender"])),
        )
        for row in rows
    ]


async def found(pool: Pool, inbox: Inbox, doubt: Doubt, copy: Copy) -> bool:
    """It was sent. False: somebody else has decided on it meanwhile."""
    workspace_id, email = inbox.workspace_id, doubt.email
    own_id = doubt.message_id.strip("<>")
    async with transaction(pool) as conn:
        stream_ids = await streams.lock_of_emails(conn, workspace_id, [email.id])
        folder, _, uid = copy.place
        how = f"its copy of {copy.at:%Y-%m-%d %H:%M:%S %z} lies in {folder}, UID {uid}"
        if not await decisions.arrived(conn, workspace_id, email.id, stream_ids, how):
            return False
        params = {
            "workspace_id": workspace_id,
            "email_id": email.id,
            "campaign_id": email.campaign_id,
            "stream_id": email.stream_id,
            "sender_id": email.sender_id,
            "recipient": email.recipient,
            "message_id": own_id,
            "received_at": copy.at,
            **copy.place._asdict(),
        }
        await conn.execute(sql.insert_copy, params)
        if copy.message_id != own_id:
            await conn.execute(sql.keep_provider_id, params | {"provider_id": copy.message_id})
    return True


async def not_found(pool: Pool, inbox: Inbox, doubts: Sequence[Doubt], max_attempts: int | None) -> int:
    """All of Sent was read without them. How many go again for it, as their campaigns want."""
    workspace_id, ids = inbox.workspace_id, [doubt.email.id for doubt in doubts]
    looked = {"ids": ids, "attempts": [doubt.attempt for doubt in doubts], "began": inbox.began}
    params = {"workspace_id": workspace_id, "settled_s": SETTLED_S, "max_attempts": max_attempts}
    async with transaction(pool) as conn:
        await conn.execute(sql.note_reading, {"workspace_id": workspace_id} | looked)
        again = await fetch_all(conn, sql.to_send_again, params | {"ids": ids})
    return sum([await _send_again(pool, params, row["id"]) for row in again])


async def _send_again(pool: Pool, params: dict[str, Any], email_id: int) -> bool:
    """False: it is not in doubt any more, or its recipient suppressed."""
    workspace_id = params["workspace_id"]
    async with transaction(pool) as conn:
        stream_ids = await decisions.lock_to_send_again(conn, workspace_id, email_id)
        row = await fetch_one(conn, sql.to_send_again, params | {"ids": [email_id]})
        if row is None:
            return False
        how = f"not in Sent, which was read {row['readings']} times, last at {row['last_at']:%Y-%m-%d %H:%M:%S %z}"
        return await decisions.never_left(conn, workspace_id, email_id, stream_ids, how)
