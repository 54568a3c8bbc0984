"""Copies that a sender's server does not make: each sent email is put into the folder for sent mail, once."""

from __future__ import annotations

import structlog

from app.db import Pool
from app.domain.campaigns import building, files
from app.domain.campaigns.building import Letter
from app.domain.inbound import copies
from app.domain.inbound.copies import ToCopy
from app.domain.inbound.inboxes import Inbox
from app.domain.ledger import texts, threads
from app.mail.enclosed import encoded
from app.mail.header_lines import HeaderInjection
from app.mail.markup import TemplateError
from app.mail.message import MessageBuilder
from app.mail.names import SENT_AT
from app.mail.opaque import Links, MessageIds
from app.mail.rendering import Renderer

LARGEST = 25_000_000  # bytes of a message

log = structlog.get_logger()


class SentCopies:
    """Writes them anew, byte for byte as they went out."""

    def __init__(self, pool: Pool, ids: MessageIds, links: Links, *, one_click: bool) -> None:
        self._pool = pool
        self._ids = ids
        self._links = links
        self._one_click = one_click

    async def due(self, inbox: Inbox) -> list[ToCopy]:
        return await copies.due(self._pool, inbox, self._ids)

    async def done(self, inbox: Inbox, email: ToCopy) -> None:
        await copies.done(self._pool, inbox, email.letter.id)

    async def written(self, inbox: Inbox, email: ToCopy) -> bytes | None:
        """The message; None: it would not be the one that was sent, or is too large for a copy."""
        workspace_id = inbox.workspace_id
        letter, subject = email.letter, None
        if email.step_id is not None:
            thread = await threads.thread_of(self._pool, workspace_id, letter.id)
            references = thread.references(lambda id_: self._ids.of(workspace_id, id_, email.domain))
            letter = letter._replace(fields={**letter.fields, SENT_AT: thread.sent_on}, references=references)
            subject = thread.subject
            if thread.quoted is not None:
                url = self._links.unsubscribe(workspace_id, letter.id, letter.recipient)
                letter = letter._replace(quoted=await texts.quoted(workspace_id, thread.quoted, url))
        version, builder = await building.message_builder(
            self._pool,
            workspace_id,
            email.campaign_id,
            email.sender_id,
            one_click=self._one_click,
            step_id=email.step_id,
            subject=subject,
            variant_id=email.variant_id,
        )
        if version != email.content_version:  # the text was changed since
            return None
        try:
            return await self._bytes(workspace_id, builder, letter)
        except (HeaderInjection, TemplateError):  # its fields were changed since
            log.info("a sent email has no copy, for it cannot be written again", email_id=letter.id)
            return None

    async def _bytes(self, workspace_id: int, builder: MessageBuilder, letter: Letter) -> bytes | None:
        liquid = Renderer(builder.liquid, workspace_id)
        message = await building.write(self._pool, self._links, workspace_id, builder, liquid, letter)
        if message.size > LARGEST:
            return None
        parts = [message.content]
        for part in message.rest:
            if isinstance(part, bytes):
                parts.append(part)
                continue
            for number in range(part.pieces):
                parts.append(encoded(await files.piece(self._pool, workspace_id, part.id, number)))
        return b"".join(parts)
