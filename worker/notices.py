"""Mail from the service itself, by the fallback server: links to a new password. Where that is the sandbox, whose mail
to no account of a workspace nobody sees, the link is in the log, too: the one who runs the service hands it over.

It is no campaign's: no ledger, no limit. A link that cannot be sent is tried again by the queue and expires in an hour.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from urllib.parse import urlsplit

import structlog

from app.db import Pool
from app.domain.accounts.password_changes import address_of_reset, reset_signer
from app.mail.addresses import domain_of
from app.mail.message import MessageBuilder
from app.settings import Settings
from worker.connect import Server
from worker.smtp import Conversation

log = structlog.get_logger()

BODY = """Somebody, probably you, asked for a new password for {{ email }} at {{ address }}.

To set one, open this link within an hour. It works once.

{{ link }}

If it was not you, there is nothing to do: the password stays as it is.
"""


class NotSent(Exception):
    """The server did not take the mail; the queue tries again."""


async def send_password_reset(pool: Pool, settings: Settings, secret_key: str, server: Server, reset_id: int) -> None:
    """Send the link of a reset, unless it is used or has expired. Raises NotSent, ServerTrouble."""
    recipient = await address_of_reset(pool, reset_id)
    if recipient is None:
        return
    token = reset_signer(secret_key).sign(str(reset_id))
    # A server that lets us in by a login mostly wants mail from that login.
    login = settings.smtp_username or ""
    host = urlsplit(settings.base_url).hostname or ""
    origin = login if "@" in login else f"no-reply@{host if host[-1:].isalpha() else 'localhost'}"
    builder = MessageBuilder(
        from_address=origin, display_name="ReachInbox", subject="A new password", body=BODY, body_html=None
    )
    fields = {"address": settings.base_url, "link": f"{settings.base_url}/reset-password?token={token}"}
    if settings.sandboxed:
        log.warning("a link to a new password, which no server mails to anybody", link=fields["link"])
    message_id = f"<{secrets.token_hex(16)}@{origin.rpartition('@')[2]}>"
    conversation = await Conversation.open(server, settings.ehlo_name or domain_of(origin))
    try:
        message = builder.build(recipient, fields, message_id, datetime.now(UTC))
        verdict = await conversation.deliver(origin, message)
    finally:
        await conversation.close()
    if verdict.kind not in {"ACCEPTED", "UNKNOWN"}:
        raise NotSent(
            f"{verdict.command}: {verdict.code} {verdict.enhanced_code or ''}".rstrip()
        )  # its text names whom
