"""Doubts that resolve themselves: whether a copy of an email lies in Sent, where only its sender's server puts one.

What is found there was sent. What is not found says nothing yet: many servers keep no copies.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from app.db import Pool, fetch_all, transaction
from app.domain.inbound.inboxes import Inbox, Place
from app.domain.inbound.matching import Named
from app.domain.ledger import decisions, streams
from app.mail.addresses import domain_of
from app.mail.opaque import MessageIds
from app.sql import queries

sql = queries(__name__)

AT_ONCE = 50  # a pass


class Doubt(NamedTuple):
    """An email in doubt, and the Message-ID that its copy has, in angle brackets."""

    email: Named
    message_id: str


class Copy(NamedTuple):
    """Where a copy lies, since when, and under which id (without brackets): a server may have put in its own."""

    place: Place
    at: datetime
    message_id: str


async def of_inbox(pool: Pool, inbox: Inbox, ids: MessageIds) -> list[Doubt]:
    """Some of those that were sent from the mailbox."""
    params = {"workspace_id": inbox.workspace_id, "inbox_id": inbox.sender_id, "limit": AT_ONCE}
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.doubts_of_inbox, params)
    return [
        Doubt(
            Named(*(row[name] for name in Named._fields)),
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
