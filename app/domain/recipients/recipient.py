"""One recipient over all campaigns of a workspace: whether they are written to still, and every email to them, in order
of time.

`personal_data` hands out what is kept about them besides, and `erasure` erases it.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.db import Pool, Row, fetch_all, transaction
from app.domain.ledger import next_steps
from app.domain.ledger.emails import CancelReason, EmailSummary, read_summaries
from app.domain.ledger.next_steps import NextStep
from app.domain.operations.installation import Ours
from app.domain.pages import PageRequest, page_of, time_key
from app.domain.planning import waiting
from app.domain.recipients.personal_data import address_of
from app.domain.suppressions import suppressions
from app.domain.suppressions.suppressions import Suppression
from app.sql import queries

sql = queries(__name__)

MOST_EMAILS = 10_000  # to one address that are put in order: the export has all


class Moment(msgspec.Struct, rename="camel"):
    """Something between us and the recipient, and when: so far an email, at the time of its handover, or of the latest
    try; one that waits at the time it is planned for.
    """

    at: datetime
    email: EmailSummary


class EndedFor(msgspec.Struct, rename="camel"):
    """A campaign that sends them no later step, and why."""

    campaign_id: int
    campaign_name: str
    reason: CancelReason


class RecipientPage(msgspec.Struct, rename="camel"):
    """`suppressions`: why nothing is sent to them, of the address or of its domain; none where they may be written to.
    `emails`: how many there are, 10,000 at most. `next`: the email that goes to them next; `next_steps`: what
    follows emails of theirs, soonest first, and is no email yet; `ended`: campaigns that write to them no more.
    `items`, latest first, come page by page.
    """

    email: str
    suppressions: list[Suppression]
    emails: int
    next: EmailSummary | None
    next_steps: list[NextStep]
    ended: list[EndedFor]
    items: list[Moment]
    next_cursor: str | None


async def get_recipient(pool: Pool, workspace_id: int, email: str, page: PageRequest, ours: Ours) -> RecipientPage:
    """Also of an address that was never written to. Raises InvalidInput for what is none."""
    address = address_of(email)
    before_at, before_id = page.check_time() or (None, None)
    params = {
        "workspace_id": workspace_id,
        "email": address,
        "before_at": before_at,
        "before_id": before_id,
        "most": MOST_EMAILS,
        "limit": page.limit + 1,
    }
    service = await waiting.read_service(pool, ours)
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.emails_of_recipient, params)
    ids = [row["id"] for row in found]
    next_id = found[0]["next_id"] if found else None
    owing: list[int] = (found[0]["owing"] or []) if found else []
    ended: list[Row] = (found[0]["ended"] or []) if found else []
    async with transaction(pool, workspace_id) as conn:
        summaries = {
            each.id: each
            for each in await read_summaries(conn, workspace_id, [*ids, next_id] if next_id else ids, service)
        }
        suppressed = await suppressions.of_address(conn, workspace_id, address)
        owed = await next_steps.of_emails(conn, workspace_id, owing)
    moments = page_of(found, [time_key(row["at"], row["id"]) for row in found], page.limit)
    return RecipientPage(
        email=address,
        suppressions=suppressed,
        emails=found[0]["emails"] if found else 0,
        next=summaries.get(next_id) if next_id else None,
        next_steps=owed,
        ended=[EndedFor(**one) for one in ended],
        # Emails that were removed this moment are left out.
        items=[Moment(row["at"], summaries[row["id"]]) for row in moments.items if row["id"] in summaries],
        next_cursor=moments.next_cursor,
    )
