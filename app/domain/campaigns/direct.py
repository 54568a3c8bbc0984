"""Direct mail: what a person writes by hand to one recipient, such as a test to oneself, or an answer.

It is a campaign of kind DIRECT, with one email that is due at once: no plan makes it wait, and an exchange takes it
before all that is planned. Limits hold for it as for everything. It is in the ledger, in exports and erasures, and not
in lists and figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from app.db import Conn, Pool, Row, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.campaigns import files, signatures
from app.domain.campaigns.content import Content
from app.domain.campaigns.idempotency import AGAIN_S, Idempotency, earlier_answer, keep_answer, key_is_free
from app.domain.campaigns.lacking import IfBlank, Lacking
from app.domain.campaigns.trial import check_one
from app.domain.planning.course import check_copies_of
from app.domain.recipients import lists
from app.domain.recipients.lists import EMAIL, Batch, Choices, Recipient
from app.domain.suppressions import held
from app.domain.workspaces import audit, quotas
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import InvalidInput
from app.jobs import defer_wake_up
from app.mail.rendering import Templates
from app.sql import queries

sql = queries(__name__)

NAME_CHARACTERS = 200


class Thread(NamedTuple):
    """Where an answer belongs: the response that it answers, the email that all began with, and the Message-IDs that
    came before it, that of the response last.
    """

    response_id: int
    email_id: int
    message_ids: Sequence[str]


class Direct(NamedTuple):
    """A message to send, its recipient, and the sender that it goes from (None: the default one). `name`: of its
    campaign; `if_blank`: what to do where the recipient has nothing for a field; `insists`: a person has confirmed to
    write to them, suppressed or not; `internal`: domains of the operator's network; `thread`: of an answer; `after_s`:
    it goes so much later.
    """

    name: str
    content: Content
    recipient: str
    fields: Mapping[str, str]
    sender_id: int | None = None
    if_blank: Mapping[str, IfBlank] = {}
    insists: bool = False
    internal: frozenset[str] = frozenset()
    thread: Thread | None = None
    after_s: int = 0


class Posted(NamedTuple):
    """The message in the ledger."""

    campaign_id: int
    email_id: int
    recipient: str


async def post(
    pool: Pool,
    workspace_id: int,
    mail: Direct,
    actor: Actor = LOCAL,
    most: Quotas = UNLIMITED,
    idempotency: Idempotency | None = None,
) -> Posted:
    """Have it sent, ahead of all that is planned; with an idempotency key used before, tell what was sent then. Raises
    InvalidInput, QuotaReached, Suppressed, and Conflict for a key used for a different request.
    """
    ready = await _prepare(workspace_id, mail)
    while True:
        async with transaction(pool, workspace_id) as conn:
            if idempotency is None:
                return await _post(conn, workspace_id, ready, actor, most)
            if await key_is_free(conn, workspace_id, idempotency):
                if earlier := await earlier_answer(conn, workspace_id, idempotency):
                    return await _posted(conn, workspace_id, earlier["email_id"])
                posted = await _post(conn, workspace_id, ready, actor, most)
                # Not to whom: what is kept for repeats is erased by what it says of lists.
                await keep_answer(conn, workspace_id, idempotency, {"email_id": posted.email_id})
                return posted
        await asyncio.sleep(AGAIN_S)


async def _posted(conn: Conn, workspace_id: int, email_id: int) -> Posted:
    row = await fetch_exactly_one(conn, sql.posted, {"workspace_id": workspace_id, "email_id": email_id})
    return Posted(row["campaign_id"], email_id, row["recipient"])


class _Ready(NamedTuple):
    """All that could be made without the database. `size` in bytes."""

    mail: Direct
    recipient: Recipient
    made: Row
    size: int


async def _prepare(workspace_id: int, mail: Direct) -> _Ready:
    templates = await mail.content.parse(workspace_id)
    recipient = await _recipient(mail, templates)
    made = (await mail.content.sent(workspace_id)).made(mail.content)
    fields = msgspec.json.encode(recipient.fields)
    return _Ready(mail, recipient, made, mail.content.size + len(recipient.address.encode()) + len(fields))


async def _post(conn: Conn, workspace_id: int, ready: _Ready, actor: Actor, most: Quotas) -> Posted:
    mail, recipient, made, size = ready
    sender = await fetch_one(conn, sql.sender_of, {"workspace_id": workspace_id, "sender_id": mail.sender_id})
    if sender is None:
        lacks = "there is no default sender; name one" if mail.sender_id is None else f"no sender {mail.sender_id}"
        raise InvalidInput({"senderId": lacks})
    if sender["retired_at"] is not None:
        raise InvalidInput({"senderId": f"{sender['email']} is retired; reinstate it, or name another"})
    await quotas.check_again(conn, workspace_id, most, size, campaign=True)
    await check_copies_of(conn, workspace_id, sender["id"], mail.content.copies)
    await files.use(conn, workspace_id, mail.content)
    params = {
        "workspace_id": workspace_id,
        "sender_id": sender["id"],
        "name": mail.name[:NAME_CHARACTERS],
        **mail.content.columns,
        "unsubscribe": mail.content.unsubscribe or "none",
        **made,
        "field_names": sorted(recipient.fields),
        "recipient": recipient.address,
        "fields": Jsonb(recipient.fields),
        "stored_bytes": size,
        "insists": mail.insists,
        "after": timedelta(seconds=mail.after_s),
        "thread_email_id": mail.thread and mail.thread.email_id,
        "thread": mail.thread and list(mail.thread.message_ids),
    }
    await held.owe_something(conn, workspace_id)
    if not mail.insists:
        await held.check(conn, workspace_id, recipient.address)
    row = await fetch_exactly_one(conn, sql.insert_direct, params)
    await conn.execute(sql.note_email, {"workspace_id": workspace_id} | row)
    await signatures.sign(conn, workspace_id, row["campaign_id"], [sender["id"]])
    await defer_wake_up(conn, sender["id"], row["due_at"] if mail.after_s else None)
    if mail.thread is None:
        await audit.record(conn, actor, workspace_id, "campaign.direct", f"campaigns/{row['campaign_id']}")
    else:
        answered = {"workspace_id": workspace_id, "response_id": mail.thread.response_id}
        await conn.execute(sql.mark_answered, answered)
        subject = f"responses/{mail.thread.response_id} (campaigns/{row['campaign_id']})"
        await audit.record(conn, actor, workspace_id, "response.answered", subject)
    return Posted(row["campaign_id"], row["email_id"], recipient.address)


async def _recipient(mail: Direct, templates: Templates) -> Recipient:
    """The recipient as lists have them, for whom the message can be written. Raises InvalidInput."""
    lacking = Lacking(templates, mail.if_blank)
    one = lists.from_json([{**mail.fields, EMAIL: mail.recipient}], choices=Choices(mail.internal))
    lacking.check_known(one.fields)
    one.look = lacking
    (found,) = await asyncio.to_thread(list[Batch], one.batches())
    if one.rejected:
        raise InvalidInput({EMAIL: one.rejected[0].reason})
    mail.content.check(templates, one.fields | lacking.settled)
    recipient = Recipient(found.addresses[0], found.fields[0])
    await check_one(templates, recipient)
    return recipient
