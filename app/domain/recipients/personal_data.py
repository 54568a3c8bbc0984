"""What is kept about one recipient, over all campaigns of a workspace: handed out, or erased for good.

Erasing puts a placeholder in the address's place, so the ledger still adds up and campaigns still say what became of
their emails; who they went to is nowhere any more. An erased email is never sent again: the database refuses it.

It does not by itself keep the address from being written to in later campaigns. A suppression does: that stays, known
by a digest of the address alone, which is pseudonymous and not anonymous.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from app.db import Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.campaigns.campaigns import lock_campaign
from app.domain.ledger import streams
from app.domain.ledger.emails import read_attempts
from app.domain.ledger.texts import read_texts
from app.domain.planning import changes
from app.domain.recipients import saved_lists, stored_lists
from app.domain.workspaces import audit
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, key, normalize_any, to_ascii
from app.sql import queries

sql = queries(__name__)

BATCH = 10  # emails, each with a text of its own, if need be
ERASED = "(erased: it named a recipient)"  # in the place of what a server said


class Erased(msgspec.Struct, rename="camel"):
    """How many emails were erased, and how many of these waited and are CANCELLED now. `lists` that had the address in
    them are removed; out of `saved_lists` the address is. Of so many campaigns it got `copies`, or answers.

    `being_sent` are at an SMTP server this moment and not erased yet: ask again in a minute, until it is 0.
    """

    emails: int
    cancelled: int
    sandbox_messages: int
    responses: int
    lists: int
    saved_lists: int
    copies: int
    being_sent: int


async def export(pool: Pool, workspace_id: int, email: str, actor: Actor) -> AsyncIterator[bytes]:
    """Everything about the address as one JSON object, piece by piece: no transaction stays open between two.

    Raises InvalidInput at once, before anything is read.
    """
    address = address_of(email)
    async with transaction(pool, workspace_id) as conn:
        await audit.record(conn, actor, workspace_id, "recipient.export")
    return _export(pool, workspace_id, address)


async def erase(pool: Pool, workspace_id: int, email: str, actor: Actor) -> Erased:
    """Erase the address and all that is known of who it belongs to. Repeating it is harmless. Raises InvalidInput."""
    address = address_of(email)
    found = await _find(pool, workspace_id, address)
    params = _parameters(workspace_id, address)
    async with transaction(pool, workspace_id) as conn:
        stream_ids = await streams.lock_of_emails(conn, workspace_id, found)
        emails = await fetch_exactly_one(conn, sql.erase_emails, {"workspace_id": workspace_id, "ids": found})
        await streams.settle(conn, workspace_id, stream_ids)
        await changes.free_room(conn, workspace_id, emails["freed"])
        await audit.record(conn, actor, workspace_id, "recipient.erase", f"{emails['emails']} emails")
    # The next transaction reads tables from end to end, and no campaign should wait for that. No delivery written from
    # here on names the address. Should this process die in between, the address finds the rest when it is erased again.
    async with transaction(pool, workspace_id) as conn:
        await conn.execute(sql.erase_words_about_senders, params)
        await conn.execute(sql.erase_words_of_holds, params)
        await conn.execute(sql.lock_webhooks, {"workspace_id": workspace_id})
        await conn.execute(sql.erase_words_about_webhooks, params)
        messages = await fetch_exactly_one(conn, sql.erase_sandbox_messages, params)
        await conn.execute(sql.erase_suppression, {"workspace_id": workspace_id, "email": address})
        responses = await fetch_exactly_one(conn, sql.erase_responses, params)
        await conn.execute(sql.erase_rejects, params)
        await conn.execute(sql.erase_deliveries, params)
        await conn.execute(sql.erase_words_in_deliveries, params)
    copies = await _erase_copies(pool, workspace_id, params)
    holding = await stored_lists.holding(pool, workspace_id, params["addresses"])
    async with transaction(pool, workspace_id) as conn:
        removed = await stored_lists.remove(conn, workspace_id, holding)
        saved = await saved_lists.erase(conn, workspace_id, params["addresses"])
    return Erased(
        emails=emails["emails"],
        cancelled=emails["cancelled"],
        sandbox_messages=messages["n"],
        responses=responses["n"],
        lists=removed,
        saved_lists=saved,
        copies=copies,
        being_sent=len(found) - emails["emails"],
    )


async def _erase_copies(pool: Pool, workspace_id: int, params: dict[str, Any]) -> int:
    """The address gets no copy of anything any more; returns of how many campaigns it did."""
    async with transaction(pool, workspace_id) as conn:
        await conn.execute(sql.erase_from_templates, params)
        await conn.execute(sql.erase_from_senders, params)
        await conn.execute(sql.erase_copies_in_answers, params)
        found = {row["campaign_id"] for row in await fetch_all(conn, sql.copied_to, params)}
    for campaign_id in sorted(found):
        one = params | {"campaign_id": campaign_id}
        # Words first: should this process die in between, the campaign still names the address when it is erased again.
        async with transaction(pool, workspace_id) as conn:
            await conn.execute(sql.erase_words_about_copies, one)
        async with transaction(pool, workspace_id) as conn:
            await lock_campaign(conn, workspace_id, campaign_id)
            await conn.execute(sql.keep_text_with_copies, one)
            await conn.execute(sql.erase_copies, one)
            await conn.execute(sql.erase_former_copies, one)
            await conn.execute(sql.count_copies, one)
        async with transaction(pool, workspace_id) as conn:
            await conn.execute(sql.erase_words_about_copies, one)  # and what was said meanwhile
    return len(found)


async def _export(pool: Pool, workspace_id: int, address: str) -> AsyncIterator[bytes]:
    encode = msgspec.json.encode
    params = _parameters(workspace_id, address)
    ids = await _find(pool, workspace_id, address)
    yield b'{"email":' + encode(address) + b',"emails":['
    for start in range(0, len(ids), BATCH):
        batch = await _emails(pool, workspace_id, ids[start : start + BATCH])
        if batch:
            yield (b"," if start else b"") + b",".join(encode(email) for email in batch)
    async with transaction(pool, workspace_id) as conn:
        rejected = await fetch_all(conn, sql.personal_rejects, params)
        messages = await fetch_all(conn, sql.personal_sandbox_messages, params)
        responses = await fetch_all(conn, sql.personal_responses, params)
        saved = await saved_lists.personal(conn, workspace_id, params["addresses"])
        copied = await fetch_all(conn, sql.copied_to, params)
        wish = await fetch_one(conn, sql.personal_suppression, {"workspace_id": workspace_id, "email": address})
    yield b'],"suppression":' + encode(
        wish and {"reason": wish["reason"], "domain": wish["domain"], "note": wish["note"], "since": wish["created_at"]}
    )
    yield b',"rejected":' + encode(
        [
            {"at": row["created_at"], "row": int(row["row"]), "email": row["email"], "reason": row["reason"]}
            for row in rejected
        ]
    )
    yield b',"sandboxMessages":' + encode(
        [
            {
                "id": row["id"],
                "receivedAt": row["received_at"],
                "envelopeFrom": row["envelope_from"],
                "raw": row["content"].decode("utf-8", "replace"),
            }
            for row in messages
        ]
    )
    yield b',"responses":' + encode(
        [
            {
                "id": row["id"],
                "kind": row["corrected_kind"] or row["kind"],
                "emailId": row["email_id"],
                "writer": row["writer"],
                "receivedAt": row["received_at"],
                "subject": row["subject"],
                "text": row["text"],
                "attachments": row["attachments"],
                "diagnostic": row["diagnostic"],
                "label": row["label"],
            }
            for row in responses
        ]
    )
    yield b',"savedLists":' + encode(saved)
    yield b',"copies":' + encode([_copy(row, params["addresses"]) for row in copied])
    yield b',"lists":['
    before: int | None = None
    async for held in stored_lists.lines(pool, workspace_id, params["addresses"]):
        stored = held.stored
        rows = b",".join(encode({"row": row, "content": content}) for row, content in held.found)
        if stored.id == before:
            yield b"," + rows
            continue
        head = encode({"id": stored.id, "name": stored.name, "uploadedAt": stored.created_at})
        yield (b"" if before is None else b"]},") + head[:-1] + b',"rows":[' + rows
        before = stored.id
    yield b"]}\n" if before is None else b"]}]}\n"


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


def _copy(row: Row, addresses: list[str]) -> dict[str, Any]:
    """Of which campaign, and of which of its texts, the address is told or answered to."""
    named = {"cc": row["cc"], "bcc": row["bcc"], "replyTo": [row["reply_to"] or ""]}
    ways = [way for way, those in named.items() if any(key(one) in addresses for one in those)]
    campaign = {"id": row["campaign_id"], "name": row["name"]}
    return {"campaign": campaign, "contentVersion": row["version"], "as": ways}


def address_of(email: str) -> str:
    """As the ledger has it, case aside. Raises InvalidInput."""
    try:
        return normalize_any(email)
    except InvalidAddress as error:
        raise InvalidInput({"email": error.reason}) from None


def _parameters(workspace_id: int, address: str) -> dict[str, Any]:
    addresses = sorted({key(address), key(to_ascii(address))})
    either = "|".join(map(re.escape, addresses))
    return {
        "workspace_id": workspace_id,
        "addresses": addresses,
        # As a word of its own; the full stop of a sentence may follow it, and another label of a longer name may not.
        "pattern": rf"(^|[^\w.!#$%&'*+/=?^`{{|}}~-])({either})($|[^\w.-]|\.($|[^\w-]))",
        "erased": ERASED,
    }


async def _find(pool: Pool, workspace_id: int, address: str) -> list[int]:
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.emails_to_address, {"workspace_id": workspace_id, "email": address})
    return [row["id"] for row in rows]
