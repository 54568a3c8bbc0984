"""The sandbox mailbox: an SMTP server that keeps every message it is given and passes none on.

It stands in for a real server until one is configured. A message is acknowledged only once `store` has
returned, so what a sender was told is accepted can be seen; if `store` fails, the sender is asked to try
again later (RFC 5321, section 4.2.5). Where messages are kept is the caller's business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import TypeVar, cast

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

SIZE_LIMIT_BYTES = 35 * 1024 * 1024
# Characters of a header that are decoded, and of one about a part, of which there are many.
_MOST_HEADER, _MOST_CONTENT_HEADER = 10_000, 1_000

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class ReceivedMessage(msgspec.Struct, frozen=True):
    envelope_from: str  # empty for the null reverse-path of a bounce
    envelope_to: list[str]
    content: bytes


class MessageSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a message that a person wants to see. Absent headers are empty, absent bodies None."""

    subject: str
    from_: str = msgspec.field(name="from")
    to: str
    date: datetime | None  # with offset; None where absent or unreadable
    message_id: str
    text: str | None
    html: str | None


class _ShortHeaders(EmailPolicy):
    """The standard library's own reading, which takes the square of a header's length, of its beginning alone."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        most = _MOST_CONTENT_HEADER if name.lower().startswith("content-") else _MOST_HEADER
        return super().header_fetch_parse(name, value[:most])


_POLICY = _ShortHeaders()
Store = Callable[[ReceivedMessage], Awaitable[None]]


class Mailbox:
    """A sandbox mailbox that listens; made by `serve`."""

    def __init__(self, store: Store) -> None:
        self.port = 0
        self._store = store
        self._server: asyncio.Server | None = None
        self._conversations: set[_Conversation] = set()

    async def listen(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Conversation(self, self._conversations), host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and hang up on every client; the sender repeats a message that was not acknowledged."""
        if self._server is None:
            return
        self._server.close()
        for conversation in tuple(self._conversations):
            conversation.hang_up()
        await self._server.wait_closed()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Store the message, then answer for it: the order that lets nothing acknowledged be lost."""
        message = ReceivedMessage(
            envelope_from=(envelope.mail_from or "").replace("<>", ""),
            envelope_to=envelope.rcpt_tos,
            content=cast("bytes", envelope.content),  # aiosmtpd decodes only on request
        )
        try:
            await self._store(message)
        except Exception:  # without a reply of 451 the sender could take the message for accepted
            _log.exception("the sandbox mailbox could not store a message")
            return "451 4.3.0 The mailbox cannot store messages now"
        return "250 2.0.0 Kept in the sandbox mailbox"


class _Conversation(SMTP):
    """One client's connection, known to its mailbox for as long as it is open."""

    def __init__(self, mailbox: Mailbox, conversations: set[_Conversation]) -> None:
        super().__init__(
            mailbox,
            data_size_limit=SIZE_LIMIT_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",  # the default asks DNS, which may take its time
            ident="ReachInbox sandbox mailbox",
            loop=asyncio.get_running_loop(),
        )
        self._conversations = conversations

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._conversations.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._conversations.discard(self)
        super().connection_lost(error)

    def hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()


async def serve(store: Store, host: str = "127.0.0.1", port: int = 0) -> Mailbox:
    """Listen on `host`; port 0 takes a free one (see `.port`). An error that `store` raises is answered with 451."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells every command at INFO
    mailbox = Mailbox(store)
    await mailbox.listen(host, port)
    return mailbox


def summarize(content: bytes) -> MessageSummary:
    """Decode a message for people. Never raises: what cannot be decoded is shown as it came."""
    message = _attempt(lambda: cast("EmailMessage", message_from_bytes(content, policy=_POLICY)), None)
    if message is None:
        raw = _printable(content.decode("utf-8", "replace"))
        return MessageSummary(subject="", from_="", to="", date=None, message_id="", text=raw, html=None)
    return MessageSummary(
        subject=_header(message, "Subject"),
        from_=_header(message, "From"),
        to=_header(message, "To"),
        date=_attempt(lambda: _date(message), None),
        message_id=_header(message, "Message-ID"),
        text=_body(message, "plain"),
        html=_body(message, "html"),
    )


def _header(message: EmailMessage, name: str) -> str:
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")[:_MOST_HEADER]
    return _printable(_attempt(lambda: str(message.get(name, "")), raw))


def _date(message: EmailMessage) -> datetime | None:
    header = message["Date"]
    moment = None if header is None else cast("datetime | None", header.datetime)
    if moment is not None and moment.tzinfo is None:  # "-0000": UTC, from an unknown place (RFC 5322, section 3.3)
        return moment.replace(tzinfo=UTC)
    return moment


def _body(message: EmailMessage, subtype: str) -> str | None:
    part = _attempt(lambda: message.get_body(preferencelist=(subtype,)), None)
    if part is None:
        return None
    undecoded = _attempt(lambda: cast("bytes", part.get_payload(decode=True)).decode("utf-8", "replace"), "")
    return _printable(_attempt(lambda: cast("str", part.get_content()), undecoded))


def _attempt(read: Callable[[], _T], otherwise: _T) -> _T:
    """The standard library's parser has many ways to fail on malformed mail, and no common error for them."""
    try:
        return read()
    except Exception:
        return otherwise


def _printable(text: str) -> str:
    """Without what neither JSON nor Postgres can hold: lone surrogates and NUL."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "\ufffd")
