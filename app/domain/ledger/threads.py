"""The thread that a follow-up is sent in: what its recipient has had before, as it was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from app.db import Pool, fetch_all, fetch_exactly_one, transaction
from app.domain.ledger import texts
from app.domain.ledger.texts import Earlier, read_texts
from app.domain.senders.threading import UNTOLD, Habit, read_habit, thread_after
from app.sql import queries

sql = queries(__name__)


class Sent(NamedTuple):
    """An email before it; `message_id` is the one that we gave it, None: the ledger has not heard of it; `reply`: with
    what the server took it; `found`: the id that its copy in Sent has instead. Both in angle brackets.
    """

    email_id: int
    message_id: str | None
    reply: str | None
    found: str | None


class Thread(NamedTuple):
    """`earlier`: what it refers to, the first to the one before it; none: it begins a thread. `subject`: a template, as
    it follows from the first's; None: the step has its own. `sent_on`: the day in the campaign's zone on which the one
    before it was sent. `habit`: what the sender's server does to Message-IDs. `quoted`: what
    stands below it.
    """

    earlier: list[Sent]
    subject: str | None
    sent_on: str
    habit: Habit
    quoted: Earlier | None = None

    def references(self, ours: Callable[[int], str]) -> list[str]:
        """Ids of `earlier`, each with the one that its server gave instead, if it does; `ours` gives an email's."""
        ids: list[str] = []
        for one in self.earlier:
            ids += thread_after(self.habit, one.message_id or ours(one.email_id), one.reply, one.found).references
        return ids


async def thread_of(pool: Pool, workspace_id: int, email_id: int) -> Thread:
    """Of an email that follows another."""
    params = {"workspace_id": workspace_id, "email_id": email_id}
    async with transaction(pool) as conn:
        own = await fetch_exactly_one(conn, sql.of_thread, params)
        if not own["in_thread"]:
            return Thread([], None, own["sent_on"], UNTOLD)
        rows = await fetch_all(conn, sql.thread_of_email, params)
        begins = max((number for number, row in enumerate(rows) if row["begins_thread"]), default=0)
        earlier = [Sent(row["id"], row["message_id"], row["reply"], row["found"]) for row in rows[begins:]]
        habit = await read_habit(conn, workspace_id, own["sender_id"])
        (first,) = await read_texts(conn, workspace_id, [earlier[0].email_id])
        above = await fetch_exactly_one(conn, sql.subject_in_thread, {"subject": first["subject"]})
        quoted = await texts.earlier(conn, workspace_id, email_id) if own["quotes"] else None
    return Thread(earlier, above["subject"], own["sent_on"], habit, quoted)
