"""Messages in the sandbox mailbox: kept in Postgres, shown to the workspace whose campaign they came from."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime

import msgspec

from app.db import Conn, Pool, Row, containing, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.operations import installation
from app.domain.pages import Page, PageRequest, page_of
from app.domain.workspaces import audit
from app.embedded.mailbox import ReceivedMessage, summarize
from app.errors import InvalidInput, NotFound
from app.mail import references
from app.mail.opaque import EmailName, MessageIds
from app.sql import queries
from app.turns import Turns

sql = queries(__name__)

BEGINNING = 16_000  # bytes of a message that a list looks at
SNIPPET = 140  # characters
BATCH = 1_000  # messages that are removed at once
_MOST_WORDS = 2_000  # characters that a snippet is made from
_parsing = Turns(2, of_one=1)  # a page takes seconds of processor time, in a thread

_UNSEEN = re.compile(r"<(style|script)\b.*?(?:</\1|$)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*(?:>|$)")
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^<>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE)


class SandboxSummary(msgspec.Struct, rename="camel"):
    """A received message as a list shows it; `snippet` are its first words."""

    id: int
    received_at: datetime
    envelope_from: str
    envelope_to: list[str]
    subject: str
    header_from: str
    snippet: str


class SandboxMessage(msgspec.Struct, rename="camel"):
    """A received message as a mail client shows it; `raw` is its source."""

    id: int
    received_at: datetime
    envelope_from: str
    envelope_to: list[str]
    subject: str
    header_from: str
    header_to: str
    message_id: str
    text: str | None
    html: str | None
    raw: str


async def store(pool: Pool, message: ReceivedMessage) -> None:
    """Keep a message; returns once it is on disk."""
    found = _MESSAGE_ID.search(message.content.partition(b"\r\n\r\n")[0])
    async with transaction(pool) as conn:
        workspace_id = None if found is None else await _whose(conn, found[1].decode("ascii", "replace"), message)
        params = {"workspace_id": workspace_id, "envelope_from": message.envelope_from}
        params |= {"envelope_to": message.envelope_to, "content": message.content}
        await conn.execute(sql.insert_sandbox_message, params)


async def _whose(conn: Conn, message_id: str, message: ReceivedMessage) -> int | None:
    """The workspace whose email the message is; None: nobody's that we know of."""
    name = MessageIds((await installation.keys(conn)).message).whose(message_id)
    if isinstance(name, EmailName):
        row = await fetch_one(conn, sql.workspace_there, {"workspace_id": name.workspace_id})
        return None if row is None else row["id"]
    if name is None or (row := await fetch_one(conn, sql.email_of_old_id, name._asdict())) is None:
        return None
    believed = name.is_believed(row["tried_at"], row["opaque_since"], row["recipient"], message.envelope_to)
    return row["workspace_id"] if believed else None


async def list_messages(pool: Pool, workspace_id: int, page: PageRequest, q: str | None = None) -> Page[SandboxSummary]:
    """Newest first; with `q`, to recipients whose address has that in it. Raises InvalidInput."""
    if q is not None and "\0" in q:
        raise InvalidInput({"q": "has a NUL character, which no address has"})
    params = {
        "workspace_id": workspace_id,
        "before": page.check(),
        "limit": page.limit + 1,
        "beginning": BEGINNING,
        "q": containing(q) if q else None,
    }
    async with _parsing.take(workspace_id):
        async with transaction(pool, workspace_id) as conn:
            rows = await fetch_all(conn, sql.list_sandbox_messages, params)
        messages = await asyncio.to_thread(lambda: [_summary(row) for row in rows])
    return page_of(messages, [row["id"] for row in rows], page.limit)


async def remove_all(pool: Pool, actor: Actor, workspace_id: int, last: int) -> None:
    """Everything up to the message `last`: what came behind it was not yet seen by whoever asks for this."""
    params = {"workspace_id": workspace_id, "last": last, "batch": BATCH}
    removed, noted = BATCH, False
    while removed == BATCH:
        async with transaction(pool, workspace_id) as conn:
            removed = (await conn.execute(sql.clear_sandbox, params)).rowcount
            if removed and not noted:
                await audit.record(conn, actor, workspace_id, "sandbox.cleared", f"sandbox/messages, up to {last}")
                noted = True


async def get_message(pool: Pool, workspace_id: int, message_id: int) -> SandboxMessage:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.get_sandbox_message, {"workspace_id": workspace_id, "message_id": message_id})
    if row is None:
        raise NotFound(f"no message {message_id}")
    async with _parsing.take(workspace_id):
        return await asyncio.to_thread(_message, row)


def _summary(row: Row) -> SandboxSummary:
    parts = summarize(row["beginning"])
    return SandboxSummary(
        id=row["id"],
        received_at=row["received_at"],
        envelope_from=row["envelope_from"],
        envelope_to=row["envelope_to"],
        subject=parts.subject,
        header_from=parts.from_,
        snippet=_snippet(parts.text, parts.html),
    )


def _snippet(text: str | None, markup: str | None) -> str:
    """The first words of a text, or of what one sees of the HTML where there is none; in one line."""
    if text is None or not text.strip():
        text = references.read(_TAG.sub(" ", _UNSEEN.sub(" ", (markup or "")[:_MOST_WORDS])))
    words = " ".join(text[:_MOST_WORDS].split())
    return f"{words[:SNIPPET].rstrip()}…" if len(words) > SNIPPET else words


def _message(row: Row) -> SandboxMessage:
    parts = summarize(row["content"])
    return SandboxMessage(
        id=row["id"],
        received_at=row["received_at"],
        envelope_from=row["envelope_from"],
        envelope_to=row["envelope_to"],
        subject=parts.subject,
        header_from=parts.from_,
        header_to=parts.to,
        message_id=parts.message_id,
        text=parts.text,
        html=parts.html,
        raw=row["content"].decode("utf-8", "replace"),
    )
