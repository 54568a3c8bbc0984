"""The builder of a campaign's messages, for the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Self

import msgspec

from app.db import Pool, Row, fetch_one, until_answered
from app.domain.campaigns import copies, files
from app.domain.campaigns.content import Content
from app.domain.campaigns.signatures import signed
from app.errors import NotFound
from app.mail.message import Message, MessageBuilder
from app.mail.names import UNSUBSCRIBE_URL
from app.mail.opaque import Links
from app.mail.quoting import Quote
from app.mail.rendering import Renderer
from app.sql import queries

sql = queries(__name__)


class Letter(NamedTuple):
    """An email to be written: to whom, as what, and when it was claimed, which is its date. `references`: ids of what
    it follows in its thread; `without`: keys of addresses that get no copy of it; `quoted`: what stands below it.
    """

    id: int
    recipient: str
    fields: Mapping[str, str]
    message_id: str
    claimed_at: datetime
    references: Sequence[str] = ()
    without: frozenset[str] = frozenset()
    quoted: Quote | None = None


class Identity(NamedTuple):
    """Whom a message is from, and whom answers go to where that is another."""

    email: str
    display_name: str
    reply_to: str | None

    @classmethod
    def of(cls, sender: Row) -> Self:
        return cls(sender["email"], sender["display_name"], sender["reply_to"])


async def message_builder(
    pool: Pool,
    workspace_id: int,
    campaign_id: int,
    sender_id: int,
    *,
    one_click: bool,
    step_id: int | None = None,
    subject: str | None = None,
    variant_id: int | None = None,
    identity: Identity | None = None,
) -> tuple[int, MessageBuilder]:
    """The version of a campaign's content, and the builder of its messages from a sender. `one_click`: mail programs
    reach the page to unsubscribe. `step_id`: of a later step, whose subject is its own, or the thread's, `subject`;
    files go along with the first step alone. `variant_id`: of a text in the place of the step's own. `identity`: the
    sender as whom they go; None: as it is now.
    """
    params = {
        "workspace_id": workspace_id,
        "campaign_id": campaign_id,
        "sender_id": sender_id,
        "step_id": step_id,
        "variant_id": variant_id,
    }
    async with pool.connection() as conn:
        row = await fetch_one(conn, sql.campaign_content, params)
        if row is None:
            raise NotFound(f"no campaign {campaign_id}")
        identity = identity or Identity(row["email"], row["display_name"], row["sender_reply_to"])
        written = Content.of_row(row)
        written = msgspec.structs.replace(written, subject=row["own_subject"] or subject or written.subject)
        if step_id is not None:
            written = msgspec.structs.replace(written, attachments=[])
        is_own = step_id is None and variant_id is None
        # A signature may show one that the text shows.
        images = list(dict.fromkeys(row["images"])) if is_own else row["signature_images"]
        beside = await files.beside(conn, workspace_id, written, images, identity.reply_to)
    beside = msgspec.structs.replace(beside, thread=row["thread"] or ())
    sent = signed(written, row["signature_text"], row["signature_html"]).addressed(row["postal_address"])
    builder = MessageBuilder(
        from_address=identity.email,
        display_name=identity.display_name,
        subject=sent.subject,
        body=sent.body,
        body_html=sent.body_html,
        language=sent.language,
        unsubscribe=sent.unsubscribe or "none",
        one_click=one_click,
        by_mail=row["is_read"],
        refers_to_itself=row["is_renamed"],
        beside=beside,
    )
    return row["content_version"], builder


async def write(
    pool: Pool, links: Links, workspace_id: int, builder: MessageBuilder, liquid: Renderer, letter: Letter
) -> Message:
    """The same each time, unless somebody who would get a copy was suppressed meanwhile. `liquid` is the builder's.

    Raises HeaderInjection, TemplateError, and what a database or a child process in trouble raises.
    """
    url = links.unsubscribe(workspace_id, letter.id, letter.recipient) if builder.wants_link else ""
    rendered: Sequence[str] = ()
    if builder.liquid:
        rendered = await liquid.render({**letter.fields, "email": letter.recipient, UNSUBSCRIBE_URL: url})
    without = letter.without
    if builder.copies:
        without |= await until_answered(lambda: copies.left_out(pool, workspace_id, builder.copies))
    return builder.build(
        letter.recipient,
        letter.fields,
        letter.message_id,
        letter.claimed_at,
        rendered,
        url,
        without,
        letter.references,
        letter.quoted,
    )
