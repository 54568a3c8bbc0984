"""The export of all data about one recipient, over all campaigns of a workspace; `erasure` erases it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.ledger.emails import read_attempts
from app.domain.ledger.texts import read_texts
from app.domain.recipients import saved_lists, stored_lists
from app.domain.workspaces import audit
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, key, to_ascii
from app.mail.repairs import read_any
from app.sql import queries

sql = queries(__name__)

BATCH = 10  # emails, each with a text of its own, if need be


async def export(pool: Pool, workspace_id: int, email: str, actor: Actor) -> AsyncIterator[bytes]:
    """Everything about the address as one JSON object, piece by piece: no transaction stays open between two.

    Raises InvalidInput at once, before anything is read.
    """
    address = address_of(email)
    async with transaction(pool, workspace_id) as conn:
        await audit.record(conn, actor, workspace_id, "recipient.export")
    return _export(pool, workspace_id, address)


async def _export(pool: Pool, workspace_id: int, address: str) -> AsyncIterator[bytes]:
    encode = msgspec.json.encode
    yield b'{"email":' + encode(address) + b',"emails":['
    ids = await emails_to(pool, workspace_id, address)
    for start in range(0, len(ids), BATCH):
        batch = await _emails(pool, workspace_id, ids[start : start + BATCH])
        if batch:
            yield (b"," if start else b"") + b",".join(encode(email) for email in batch)
    yield b"]"
    params: dict[str, Any] = parameters(workspace_id, address) | {"email": address}
    async with transaction(pool, workspace_id) as conn:
        parts = await _parts(conn, params)
    for name, part in parts.items():
        yield b"," + encode(name) + b":" + encode(part)
    async for piece in _lists(pool, workspace_id, params["addresses"]):
        yield piece
    yield b"}\n"


async def _emails(pool: Pool, workspace_id: int, ids: list[int]) -> list[dict[str, Any]]:
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.personal_emails, {"workspace_id": workspace_id, "ids": ids})
        texts = {text["id"]: text for text in await read_texts(conn, workspace_id, ids)}
        rows = [row for row in rows if row["id"] in texts]  # the others were removed this moment
        return [
            {
                "id": row["id"],
                "recipient": row["recipient"],
                "fields": row["fields"],
                "status": row["status"],
                "scheduledAt": row["scheduled_at"],
                "sentAt": row["sent_at"],
                "messageId": row["message_id"],
                "campaign": {
                    "id": row["campaign_id"],
                    "name": row["name"],
                    "sender": row["sender"],
                    "subject": texts[row["id"]]["subject"],
                    "body": texts[row["id"]]["body"],
                    "bodyHtml": texts[row["id"]]["body_html"],
                    "asSent": texts[row["id"]]["as_sent"],
                },
                "attempts": await read_attempts(conn, workspace_id, row["id"]),
            }
            for row in rows
        ]


async def _parts(conn: Conn, params: dict[str, Any]) -> dict[str, Any]:
    """All but emails and uploaded lists, which may be many."""
    messages = await fetch_all(conn, sql.personal_sandbox_messages, params)
    copies = await fetch_all(conn, sql.copied_to, params)
    return {
        "suppression": await fetch_one(conn, sql.personal_suppression, params),
        "rejected": await fetch_all(conn, sql.personal_rejects, params),
        "sandboxMessages": [row | {"raw": row["raw"].decode("utf-8", "replace")} for row in messages],
        "responses": await fetch_all(conn, sql.personal_responses, params),
        "savedLists": await saved_lists.personal(conn, params["workspace_id"], params["addresses"]),
        "copies": [_copy(row, params["addresses"]) for row in copies],
        "namedIn": await fetch_all(conn, sql.named_in, params),
    }


def _copy(row: Row, addresses: list[str]) -> dict[str, Any]:
    """Of which campaign, and of which of its texts, the address is told or answered to."""
    named = {"cc": row["cc"], "bcc": row["bcc"], "replyTo": [row["reply_to"] or ""]}
    ways = [way for way, those in named.items() if any(key(one) in addresses for one in those)]
    campaign = {"id": row["campaign_id"], "name": row["name"]}
    return {"campaign": campaign, "contentVersion": row["version"], "as": ways}


async def _lists(pool: Pool, workspace_id: int, addresses: Sequence[str]) -> AsyncIterator[bytes]:
    """Of uploaded lists, the rows with the address."""
    encode = msgspec.json.encode
    yield b',"lists":['
    before: int | None = None
    async for held in stored_lists.lines(pool, workspace_id, addresses):
        stored = held.stored
        rows = b",".join(encode({"row": row, "content": content}) for row, content in held.found)
        if stored.id == before:
            yield b"," + rows
            continue
        head = encode({"id": stored.id, "name": stored.name, "uploadedAt": stored.created_at})
        yield (b"" if before is None else b"]},") + head[:-1] + b',"rows":[' + rows
        before = stored.id
    yield b"]" if before is None else b"]}]"


def address_of(email: str) -> str:
    """As the ledger has it, case aside, of what somebody typed or pasted. Raises InvalidInput."""
    try:
        return read_any(email)
    except InvalidAddress as error:
        raise InvalidInput({"email": error.reason}) from None


async def emails_to(pool: Pool, workspace_id: int, address: str) -> list[int]:
    """The ids of all emails to an address of `address_of`, in whatever spelling."""
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.emails_to_address, {"workspace_id": workspace_id, "email": address})
    return [row["id"] for row in rows]


def parameters(workspace_id: int, address: str) -> dict[str, Any]:
    """By what queries find an address: `addresses`, its spellings in lower case, `pattern`, any of them in a text."""
    addresses = sorted({key(address), key(to_ascii(address))})
    either = "|".join(map(re.escape, addresses))
    return {
        "workspace_id": workspace_id,
        "addresses": addresses,
        # As a word of its own; the full stop of a sentence may follow it, and another label of a longer name may not.
        "pattern": rf"(^|[^\w.!#$%&'*+/=?^`{{|}}~-])({either})($|[^\w.-]|\.($|[^\w-]))",
    }
