"""A recipient's answer to what the sandbox mailbox received, written by whoever tries the service out.

It becomes a message as a mailbox would hold one, is read as each of those is, and recorded by the same operation: what
follows from it is what follows from an answer.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from email.message import EmailMessage

import msgspec

from app.bounds import Bounds
from app.db import Pool, transaction
from app.domain.inbound import answers, matching, record
from app.domain.inbound.inboxes import Place
from app.domain.inbound.matching import Answer
from app.domain.inbound.record import Found
from app.domain.operations import installation, sandbox
from app.errors import Conflict, InvalidInput, Unavailable
from app.mail.inbound import apart
from app.mail.inbound.apart import NotRead
from app.mail.inbound.facts import Inbound, Incoming
from app.mail.opaque import MessageIds

REPLY = Bounds(1, 10_000)  # characters
FOLDER = "Sandbox"  # which no mailbox has: nothing lies there


class SandboxReplied(msgspec.Struct, rename="camel"):
    """The kind that the answer was taken for, whose it is, and which email it answers."""

    kind: str
    recipient: str
    email_id: int
    campaign_id: int


async def reply(pool: Pool, workspace_id: int, message_id: int, text: str) -> SandboxReplied:
    """Answer a received message as its recipient. Raises NotFound, InvalidInput; Conflict where its email is gone."""
    if not REPLY.allow(len(text)) or not text.strip():
        raise InvalidInput({"text": f"is a text of {REPLY} characters"})
    message = await sandbox.get_message(pool, workspace_id, message_id)
    async with transaction(pool) as conn:
        ids = MessageIds((await installation.keys(conn)).message)
    email = await matching.named(pool, workspace_id, ids, message.message_id)
    if email is None:
        raise Conflict("the email that this message was is no longer kept, so nothing can answer it")
    inbound = await _read(_written(message, email.recipient, text), workspace_id)
    now = datetime.now(UTC)
    place = Place(FOLDER, message.id, int(now.timestamp()))
    found = Found(Answer(inbound, email, weak=False), place, now)
    if not await record.record_unread(pool, workspace_id, found):
        raise Conflict("the email that this message was is no longer kept, so nothing can answer it")
    return SandboxReplied(record.kind_of(found.answer), email.recipient, email.id, email.campaign_id)


async def _read(raw: bytes, workspace_id: int) -> Inbound:
    try:
        (inbound,) = await apart.read_all([Incoming(raw)], workspace_id)
    except NotRead:
        raise Unavailable("the answer could not be read this moment; try again") from None
    return inbound


def _written(message: sandbox.SandboxMessage, recipient: str, text: str) -> bytes:
    answer = EmailMessage()
    answer["From"] = recipient
    answer["To"] = message.envelope_from
    answer["Subject"] = answers.subject_of_answer(message.subject)
    answer["Message-ID"] = f"<{secrets.token_hex(16)}@sandbox.invalid>"
    answer["In-Reply-To"] = message.message_id
    answer["References"] = message.message_id
    answer.set_content(text)
    return answer.as_bytes()
