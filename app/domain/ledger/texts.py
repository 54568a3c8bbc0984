"""What an email says: as it was sent, even if its campaign's text was changed since; before that, as it would be."""

from __future__ import annotations

import msgspec

from app.db import Conn, Pool, Row, fetch_all, transaction
from app.domain.campaigns.content import Content
from app.domain.campaigns.signatures import signed
from app.errors import Conflict, InvalidInput, NotFound
from app.mail.footer import example_url
from app.sql import queries

sql = queries(__name__)


class Message(msgspec.Struct, rename="camel", frozen=True):
    """An email as its recipient reads it. `as_sent`: the latest attempt had just this text; otherwise it is the one
    that the next attempt would have, or, where that is not on record, the campaign's of that time as far as is known.
    """

    subject: str
    text: str
    html: str | None
    as_sent: bool


async def read_texts(conn: Conn, workspace_id: int, email_ids: list[int]) -> list[Row]:
    """The templates that the emails are made from, by id."""
    return await fetch_all(conn, sql.texts_of_emails, {"workspace_id": workspace_id, "ids": email_ids})


async def get_message(pool: Pool, workspace_id: int, email_id: int, base_url: str) -> Message:
    """Its link to unsubscribe is none that works: it is for its recipient alone to follow.

    Raises NotFound; Conflict where nothing can be shown: the recipient was erased, or lacks a merge field.
    """
    async with transaction(pool, workspace_id) as conn:
        rows = await read_texts(conn, workspace_id, [email_id])
    if not rows:
        raise NotFound(f"no email {email_id}")
    row = rows[0]
    if row["erased_at"] is not None:
        raise Conflict("the recipient was erased, and what the email said with them")
    content = Content(row["subject"], row["body"], row["body_html"], row["language"], row["unsubscribe"])
    content = signed(content, row["signature_text"], row["signature_html"]).addressed(row["postal_address"])
    try:
        rendered = await content.fill(row["recipient"], row["fields"], workspace_id, example_url(base_url))
    except InvalidInput as error:
        wrong = "; ".join(f"{name}: {detail}" for name, detail in error.fields.items())
        raise Conflict(f"the email cannot be written: {wrong}") from None
    return Message(rendered.subject, rendered.text, rendered.html, row["as_sent"])
