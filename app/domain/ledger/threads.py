"""The thread that a follow-up is sent in: what its recipient has had before, as it was sent."""

from __future__ import annotations

from typing import NamedTuple

from app.db import Pool, fetch_all, fetch_exactly_one, transaction
from app.domain.ledger.texts import read_texts
from app.sql import queries

sql = queries(__name__)


class Sent(NamedTuple):
    """An email before it; `message_id` in angle brackets, None: the ledger has not heard which it was given."""

    email_id: int
    message_id: str | None


class Thread(NamedTuple):
    """`earlier`: what it refers to, the first to the one before it; none: it begins a thread. `subject`: a template, as
    it follows from the first's; None: the step has its own. `sent_on`: the day in the campaign's zone on which the one
    before it was sent.
    """

    earlier: list[Sent]
    subject: str | None
    sent_on: str


async def thread_of(pool: Pool, workspace_id: int, email_id: int) -> Thread:
    """Of an email that follows another."""
    params = {"workspace_id": workspace_id, "email_id": email_id}
    async with transaction(pool) as conn:
        own = await fetch_exactly_one(conn, sql.of_thread, params)
        if not own["in_thread"]:
            return Thread([], None, own["sent_on"])
        rows = await fetch_all(conn, sql.thread_of_email, params)
        begins = max((number for number, row in enumerate(rows) if row["begins_thread"]), default=0)
        earlier = [Sent(row["id"], row["message_id"]) for row in rows[begins:]]
        (first,) = await read_texts(conn, workspace_id, [earlier[0].email_id])
        above = await fetch_exactly_one(conn, sql.subject_in_thread, {"subject": first["subject"]})
    return Thread(earlier, above["subject"], own["sent_on"])
