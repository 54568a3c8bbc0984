"""A mailbox at a Dovecot that is read, what lies in it, and what a reader makes of that."""

from __future__ import annotations

import imaplib
import ssl
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from app.db import Pool, transaction
from app.domain.inbound import inboxes
from app.domain.oauth.providers import read_providers
from app.domain.operations import installation
from app.domain.senders.inbox import imap_password_place
from app.mail.opaque import Links, MessageIds
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.dovecot import Dovecot
from tests.support.engine import Owner, execute, rows, value
from tests.support.ledger import insert_campaign
from worker.connect import Server
from worker.credentials import Credentials
from worker.inbox import Reader

ANN = "ann@example.com"
WORD = "a word"


class Read:
    """The owner's sender is read at `host:port`; emails of one campaign to r1@example.com and the like, in statuses."""

    def __init__(self, pool: Pool, owner: Owner, settings: Settings, box: SecretBox) -> None:
        self.pool, self.owner, self._settings, self._box = pool, owner, settings, box
        self.campaign_id = 0
        self.email_ids: list[int] = []
        self.keys: Any = None

    async def set_up(self, server: Server, *statuses: str) -> None:
        self._settings = msgspec.structs.replace(
            self._settings, smtp_ca_file=server.ca_file, smtp_allow_private=True, imap_allowed_ports=None
        )
        sender_id = self.owner.sender_id
        await execute(
            self.pool,
            "UPDATE senders SET email = %s, imap_host = %s, imap_port = %s, imap_security = %s, imap_username = %s,"
            " imap_password_encrypted = %s WHERE id = %s",
            *(ANN, server.host, server.port, server.security, server.username),
            self._box.seal(server.password or "", imap_password_place(sender_id)),
            sender_id,
        )
        self.keys = await installation.read_keys(self.pool)
        async with transaction(self.pool) as conn:
            self.campaign_id, _ = await insert_campaign(conn, self.owner.workspace_id, statuses)
        found = await rows(self.pool, "SELECT id FROM emails ORDER BY id")
        self.email_ids = [row["id"] for row in found]

    def id_of(self, number: int, domain: str = "example.com") -> str:
        """The Message-ID of one of the emails, the first being 1."""
        return MessageIds(self.keys.message).of(self.owner.workspace_id, self.email_ids[number - 1], domain)

    def reader(self, poll_s: float = 120, most_watched: int = 0) -> Reader:
        fallback = Server("127.0.0.1", 1, "none", policy=None)
        credentials = Credentials(self._settings, self.pool, self._box, fallback, read_providers(self._settings))
        links = Links("http://127.0.0.1:3000", self.keys)
        ids = MessageIds(self.keys.message)
        return Reader(self.pool, uuid4(), credentials, ids, links, poll_s, most_watched=most_watched)

    async def read(self, kept_days: int = 0) -> None:
        """One pass."""
        await inboxes.settle(self.pool, poll_s=60)
        await execute(self.pool, "UPDATE inboxes SET next_at = now()")
        token = uuid4()
        (inbox,) = await inboxes.lease(self.pool, token, 10, kept_days)
        await self.reader().read(inbox)

    async def inbox(self) -> dict[str, Any]:
        (found,) = await rows(self.pool, "SELECT * FROM inboxes")
        return found

    async def responses(self, columns: str = "kind::text AS kind, recipient, weak") -> list[dict[str, Any]]:
        return await rows(self.pool, f"SELECT {columns} FROM responses ORDER BY id")  # noqa: S608 -- a test's

    async def counts(self) -> dict[str, int]:
        """Those of the stream that are not 0."""
        found = await value(
            self.pool,
            "SELECT jsonb_build_object('replied', replied, 'autoReplied', auto_replied, 'bounced', bounced,"
            " 'complained', complained, 'unsubscribed', unsubscribed) FROM streams WHERE campaign_id = %s",
            self.campaign_id,
        )
        return {name: count for name, count in found.items() if count}


class Owners:
    """The mailbox as its owner's mail program sees it."""

    def __init__(self, at: Dovecot, who: str = ANN) -> None:
        self.imap = imaplib.IMAP4_SSL(
            "localhost", at.imaps, ssl_context=ssl.create_default_context(cafile=str(at.ca_file)), timeout=30
        )
        self.imap.login(who, f'"{WORD}"' if " " not in WORD else WORD)

    def put(self, message: bytes, folder: str = "INBOX", at: datetime | None = None) -> None:
        when = imaplib.Time2Internaldate(at or datetime.now(UTC))
        kind, told = self.imap.append(folder, "", when, message)
        assert kind == "OK", told

    def flags(self, folder: str = "INBOX") -> list[bytes]:
        """Of each message."""
        self.imap.select(folder, readonly=True)
        return [told for told in self.imap.fetch("1:*", "(FLAGS)")[1] if isinstance(told, bytes)]

    def close(self) -> None:
        self.imap.logout()


def reply(sender: str, body: str = "Yes, please.", *, head: str = "", subject: str = "Re: s", number: int = 1) -> bytes:
    """A message of somebody's own; `number` makes its Message-ID."""
    name = sender.partition("@")[0]
    return (
        (
            f"From: {name} <{sender}>\nTo: {ANN}\nSubject: {subject}\nMessage-ID: <{number}.{name}@there.example>\n"
            f"Date: Thu, 26 Nov 2026 10:00:00 +0000\n{head}Content-Type: text/plain; charset=utf-8\n\n{body}\n"
        )
        .replace("\n", "\r\n")
        .encode()
    )


def bounce(message_id: str, recipient: str, status: str = "5.1.1", words: str = "550 5.1.1 no such user") -> bytes:
    """By RFC 3464."""
    return (
        (
            f"Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.there.example>\nTo: {ANN}\n"
            f"Subject: Undelivered Mail Returned to Sender\nMessage-ID: <{time.monotonic_ns()}@mx.there.example>\n"
            f"Date: Thu, 26 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
            f'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
            f"--b\nContent-Type: text/plain\n\nI could not deliver your message.\n"
            f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.there.example\n\n"
            f"Final-Recipient: rfc822; {recipient}\nAction: failed\n"
            f"Status: {status}\nDiagnostic-Code: smtp; {words}\n\n"
            f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\nFrom: {ANN}\nTo: {recipient}\n"
            f"Subject: s\n\n--b--\n"
        )
        .replace("\n", "\r\n")
        .encode()
    )
