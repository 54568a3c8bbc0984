"""The text of an email: as it was sent, even if its campaign's text was changed since; before that, as it would be."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import msgspec
import structlog

from app.db import Conn, Pool, Row, fetch_all, fetch_one, transaction
from app.domain.campaigns import files
from app.domain.campaigns.content import Content
from app.domain.campaigns.files import KeptFile
from app.domain.campaigns.signatures import signed
from app.errors import Conflict, InvalidInput, NotFound
from app.mail.footer import example_url
from app.mail.markup import TemplateError
from app.mail.quoting import Quote, quote
from app.sql import queries

sql = queries(__name__)
log = structlog.get_logger()


class Message(msgspec.Struct, rename="camel", frozen=True):
    """An email as its recipient reads it. `as_sent`: the latest attempt had just this text; otherwise it is the one
    that the next attempt would have, or, where that is not on record, the campaign's of that time as far as is known.
    """

    subject: str
    text: str
    html: str | None
    as_sent: bool
    reply_to: str | None
    headers: dict[str, str]
    cc: list[str]
    bcc: list[str]
    attachments: list[KeptFile]


async def read_texts(conn: Conn, workspace_id: int, email_ids: list[int]) -> list[Row]:
    """The templates that the emails are made from, by id. An email in a thread has the subject that the thread began
    with, as it was sent.
    """
    rows = await fetch_all(conn, sql.texts_of_emails, {"workspace_id": workspace_id, "ids": email_ids})
    begun = {row["begun_by"] for row in rows if row["begun_by"] is not None}
    if not begun:
        return rows
    params = {"workspace_id": workspace_id, "ids": list(begun)}
    above = {row["id"]: row["answered"] for row in await fetch_all(conn, sql.texts_of_emails, params)}
    return [row | {"subject": above.get(row["begun_by"], row["subject"])} for row in rows]


async def get_message(pool: Pool, workspace_id: int, email_id: int, base_url: str) -> Message:
    """Its link to unsubscribe is none that works: it is for its recipient alone to follow.

    Raises NotFound; Conflict where nothing can be shown: the recipient was erased, or lacks a merge field.
    """
    async with transaction(pool, workspace_id) as conn:
        rows = await read_texts(conn, workspace_id, [email_id])
        if not rows:
            raise NotFound(f"no email {email_id}")
        row = rows[0]
        kept = await files.of_ids(conn, workspace_id, row["attachments"])
        before = await earlier(conn, workspace_id, email_id)
    if row["erased_at"] is not None:
        raise Conflict("the recipient was erased, and what the email said with them")
    content = Content.of_row(row)
    content = signed(content, row["signature_text"], row["signature_html"]).addressed(row["postal_address"])
    url = example_url(base_url)
    try:
        rendered = await content.fill(row["recipient"], row["fields"], workspace_id, url)
        below = before and await quoted(workspace_id, before, url)
    except InvalidInput as error:
        wrong = "; ".join(f"{name}: {detail}" for name, detail in error.fields.items())
        raise Conflict(f"the email cannot be written: {wrong}") from None
    except TemplateError as error:
        raise Conflict(f"the email cannot be written: {error}") from None
    if below is not None:
        rendered = rendered.quoting(below)
    return Message(
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        as_sent=row["as_sent"],
        reply_to=content.reply_to,
        headers=rendered.headers,
        cc=content.cc,
        bcc=content.bcc,
        attachments=[kept[one] for one in content.attachments if one in kept],
    )


class Earlier(NamedTuple):
    """An email that another follows: what it was made from, who sent it, and on which day of the campaign's zone."""

    text: Row
    who: str
    day: date


async def earlier(conn: Conn, workspace_id: int, email_id: int) -> Earlier | None:
    """The email that another quotes; None: it quotes nothing, by its step, or since its recipient was erased."""
    row = await fetch_one(conn, sql.quoted_by, {"workspace_id": workspace_id, "email_id": email_id})
    if row is None:
        return None
    texts = await read_texts(conn, workspace_id, [row["id"]])
    if not texts or texts[0]["erased_at"] is not None:
        return None
    return Earlier(texts[0], row["who"], date.fromisoformat(row["sent_on"]))


async def quoted(workspace_id: int, before: Earlier, unsubscribe_url: str) -> Quote | None:
    """As the later one quotes it; `unsubscribe_url` takes the place of its own. None: it cannot be written any more,
    since what it was filled with was changed, and the later one goes without. Raises Unavailable.
    """
    text = before.text
    content = signed(Content.of_row(text), text["signature_text"], text["signature_html"])
    content = msgspec.structs.replace(content, unsubscribe="none")
    try:
        rendered = await content.fill(text["recipient"], text["fields"], workspace_id, unsubscribe_url)
    except (InvalidInput, TemplateError) as error:
        log.warning("a message that is to be quoted cannot be written any more", email_id=text["id"], reason=str(error))
        return None
    return quote(rendered.text, rendered.html, who=before.who, day=before.day, language=content.language)
