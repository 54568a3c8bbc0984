"""What the worker builds a campaign's messages with."""

from __future__ import annotations

import msgspec

from app.db import Pool, fetch_exactly_one, fetch_one
from app.domain.campaigns import files
from app.domain.campaigns.content import Content
from app.domain.campaigns.signatures import signed
from app.errors import NotFound
from app.mail.message import MessageBuilder
from app.sql import queries

sql = queries(__name__)


async def message_builder(
    pool: Pool,
    workspace_id: int,
    campaign_id: int,
    sender_id: int,
    *,
    one_click: bool,
    step_id: int | None = None,
    subject: str | None = None,
) -> tuple[int, MessageBuilder]:
    """What the worker builds a campaign's messages from a sender with, and the version of the content it is for.
    `one_click`: mail programs reach the page to unsubscribe. `step_id`: of a later step, whose subject is its own, or
    the thread's, `subject`; files go along with the first step alone.
    """
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "sender_id": sender_id}
    async with pool.connection() as conn:
        row = await fetch_one(conn, sql.campaign_content, params)
        if row is None:
            raise NotFound(f"no campaign {campaign_id}")
        written = Content.of_row(row)
        images = list(dict.fromkeys(row["images"]))  # a signature may show one that the text shows
        if step_id is not None:
            step = await fetch_exactly_one(conn, sql.step_content, {"workspace_id": workspace_id, "step_id": step_id})
            written = msgspec.structs.replace(
                written,
                subject=step["subject"] or subject or written.subject,
                body=step["body"],
                body_html=step["body_html"],
                attachments=[],
            )
            images = row["signature_images"]
        beside = await files.beside(conn, workspace_id, written, images, row["sender_reply_to"])
    sent = signed(written, row["signature_text"], row["signature_html"]).addressed(row["postal_address"])
    builder = MessageBuilder(
        from_address=row["email"],
        display_name=row["display_name"],
        subject=sent.subject,
        body=sent.body,
        body_html=sent.body_html,
        language=sent.language,
        unsubscribe=sent.unsubscribe or "none",
        one_click=one_click,
        beside=beside,
    )
    return row["content_version"], builder
