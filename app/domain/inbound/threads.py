"""The thread of a response: what was sent, what came back, and what was answered, in order of time."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_one, transaction
from app.domain.inbound import responses
from app.domain.inbound.responses import Response, not_found
from app.domain.ledger import texts
from app.domain.ledger.exchange import EmailStatus
from app.errors import Conflict, NotFound
from app.sql import queries

sql = queries(__name__)

MOST = 20  # emails of a thread, and of responses
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,400}@[!-;=?-~]{1,400}")  # what may stand in a header between < and >


class ThreadEmail(msgspec.Struct, rename="camel"):
    """An email that we sent, or are about to send. `is_answer`: a person wrote it to answer. `text` is None where it
    cannot be shown, as of somebody who was erased.
    """

    id: int
    campaign_id: int
    campaign_name: str
    sender_id: int
    recipient: str
    status: EmailStatus
    is_answer: bool
    subject: str
    text: str | None
    has_html: bool


class ThreadItem(msgspec.Struct, rename="camel"):
    """One of the two, at the time at which it was handed over or came."""

    at: datetime
    email: ThreadEmail | None = None
    response: Response | None = None


class Thread(msgspec.Struct, rename="camel"):
    """`root_id` is the email that it began with."""

    root_id: int
    items: list[ThreadItem]


class Found(msgspec.Struct):
    """Rows of a thread: its emails, and ids of its responses, both in order of time."""

    root_id: int
    emails: list[Row]
    responses: list[Row]

    def ids_before(self, response_id: int) -> list[str]:
        """Message-IDs of what came before a response, and its own last, for the header of an answer to it."""
        its = next(row for row in self.responses if row["id"] == response_id)
        earlier = [
            (row["at"], row["message_id"])
            for row in self.emails
            if row["at"] <= its["received_at"] or row["id"] == its["email_id"]  # clocks differ
        ]
        earlier += [
            (row["received_at"], row["message_id"])
            for row in self.responses
            if row["received_at"] <= its["received_at"] and row is not its
        ]
        ids = [*(one for _, one in sorted(earlier, key=lambda each: each[0])), its["message_id"]]
        return list(dict.fromkeys(one for one in ids if one and _MESSAGE_ID.fullmatch(one)))


async def find(conn: Conn, workspace_id: int, response_id: int) -> Found:
    """Raises NotFound."""
    named = {"workspace_id": workspace_id, "response_id": response_id}
    root = await fetch_one(conn, sql.root_of_thread, named)
    if root is None:
        raise not_found(response_id)
    params = {"workspace_id": workspace_id, "root_id": root["id"], "limit": MOST}
    emails = await fetch_all(conn, sql.emails_of_thread, params)
    # Of an email that was removed for its age, what came back for it is there still.
    ids = [root["id"], *(row["id"] for row in emails)]
    answers = await fetch_all(conn, sql.responses_to, params | {"email_ids": ids})
    if response_id not in {row["id"] for row in answers}:  # an old one of a long thread, or of one whose root is gone
        answers = [*await fetch_all(conn, sql.one_response, named), *answers]
    return Found(root["id"], emails, answers)


async def get(pool: Pool, workspace_id: int, response_id: int, base_url: str) -> Thread:
    """The latest 20 emails and responses of the thread. Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        found = await find(conn, workspace_id, response_id)
        whole = await responses.read_whole(conn, workspace_id, [row["id"] for row in found.responses])
    items = [ThreadItem(at=each.received_at, response=each) for each in whole.values()]
    for row in found.emails:
        items.append(ThreadItem(at=row["at"], email=await _email(pool, workspace_id, row, base_url)))
    return Thread(found.root_id, sorted(items, key=lambda each: each.at))


async def _email(pool: Pool, workspace_id: int, row: Row, base_url: str) -> ThreadEmail:
    subject, text, has_html = "", None, False
    try:
        message = await texts.get_message(pool, workspace_id, row["id"], base_url)
        subject, text, has_html = message.subject, message.text, message.html is not None
    except (Conflict, NotFound):
        text = None
    known = {name: row[name] for name in ThreadEmail.__struct_fields__ if name in row}
    return ThreadEmail(**known, subject=subject, text=text, has_html=has_html)
