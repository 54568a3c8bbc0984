"""Copies in Sent, where the server that sends keeps none: which emails lack theirs.

Nothing of it is in the way of sending: what was sent lately from a mailbox that is read is looked up by who reads it.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from app.db import Pool, fetch_all, transaction
from app.domain.campaigns.building import Letter
from app.domain.inbound.inboxes import Inbox
from app.mail.addresses import domain_of
from app.mail.opaque import MessageIds
from app.sql import queries

sql = queries(__name__)

AT_ONCE = 20  # a pass
NEWEST = 5_000  # of a campaign, among which those of a day are looked for
SETTLE_S = 60.0  # a server that puts copies there by itself has done so by then


class ToCopy(NamedTuple):
    """An email that was sent, and by which version of its campaign's content. `step_id`: of a later step;
    `variant_id`: of a text in its step's place; `domain`: of the sender.
    """

    letter: Letter
    campaign_id: int
    sender_id: int
    sent_at: datetime
    content_version: int | None
    step_id: int | None
    variant_id: int | None
    domain: str


async def due(pool: Pool, inbox: Inbox, ids: MessageIds) -> list[ToCopy]:
    """Some of those that were sent from the mailbox, the oldest first."""
    params = inbox.parameters() | {"limit": AT_ONCE, "settle_s": SETTLE_S, "newest": NEWEST}
    async with transaction(pool) as conn:
        await conn.execute(sql.forget_copies, params)
        rows = await fetch_all(conn, sql.emails_to_copy, params)
    found: list[ToCopy] = []
    for row in rows:
        domain = domain_of(row["sender"])
        message_id = row["message_id"] or ids.of(inbox.workspace_id, row["id"], domain)
        letter = Letter(row["id"], row["recipient"], row["fields"], message_id, row["claimed_at"])
        found.append(
            ToCopy(
                letter,
                row["campaign_id"],
                row["sender_id"],
                row["sent_at"],
                row["content_version"],
                row["step_id"],
                row["variant_id"],
                domain,
            )
        )
    return found


async def done(pool: Pool, inbox: Inbox, email_id: int) -> None:
    """It has its copy, or will have none."""
    async with transaction(pool) as conn:
        await conn.execute(sql.note_copy, {"workspace_id": inbox.workspace_id, "email_id": email_id})
