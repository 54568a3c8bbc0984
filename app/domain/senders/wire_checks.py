"""The wire check: a sender sends one mail to its own mailbox, or to another sender's, and a worker reads it back.

It is asked for here and made by a worker, one at a time in a workspace; what it showed is kept on the sender until that
changes its address or servers. A worker that dies in the middle leaves it unfinished: none sends the mail again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from app.db import Conn, Pool, Row, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.senders.threading import Habit
from app.domain.senders.wire_judge import Showing, Shown
from app.domain.workspaces import audit
from app.errors import CheckRuns, InvalidInput, NotFound
from app.jobs import defer_wire_check
from app.mail.addresses import InvalidAddress, domain_of, normalize
from app.sql import queries

sql = queries(__name__)

GIVEN_UP_S = 600.0  # longer than any check takes
_UNFINISHED = Showing("handover", "unknown", "no worker finished the check", "See that a worker runs, and check again.")


class WireCheck(msgspec.Struct, rename="camel", kw_only=True):
    """The findings of a mail on the wire. `to` is the address that it went to; null: not told. `latency_ms`: from the
    server's 250 until the mail was seen in the mailbox, which is looked into every few seconds. `used_message_id`: the
    Message-ID that it has now.
    """

    status: Literal["RUNNING", "DONE"]
    to: str | None
    requested_at: datetime
    done_at: datetime | None
    findings: list[Showing]
    one_click_signed: bool | None
    message_id_kept: bool | None
    sent_copy: bool | None
    dmarc_aligned: bool | None
    inbox_read: bool | None
    latency_ms: int | None
    used_message_id: str | None


class Begun(NamedTuple):
    """A check that a worker has taken on."""

    workspace_id: int
    sender_id: int
    reader_id: int
    requested_at: datetime


async def request_check(pool: Pool, actor: Actor, workspace_id: int, sender_id: int, to: str | None) -> WireCheck:
    """Have it made; `to` None: the sender's own address. Raises NotFound, InvalidInput, CheckRuns."""
    if to is not None:
        try:
            to = normalize(to)
        except InvalidAddress as error:
            raise InvalidInput({"to": error.reason}) from None
    params = {"workspace_id": workspace_id, "sender_id": sender_id}
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.readers, params | {"to": to})
        if row is None:
            raise NotFound(f"no sender {sender_id}")
        if row["reader_id"] is None:
            raise InvalidInput({"to": "is no sender of this workspace, in whose mailbox the mail could be looked for"})
        if to is not None and not row["is_read"]:
            raise InvalidInput({"to": "is a sender whose mailbox is not read here; give it an IMAP server"})
        asked = params | {"reader_id": row["reader_id"], "given_up_s": GIVEN_UP_S}
        if await fetch_one(conn, sql.request_check, asked) is None:
            raise CheckRuns(sender_id)
        await defer_wire_check(conn, workspace_id, sender_id)
        await audit.record(conn, actor, workspace_id, "sender.checked", f"senders/{sender_id}")
        return await _read(conn, workspace_id, sender_id)


async def read_check(pool: Pool, workspace_id: int, sender_id: int) -> WireCheck:
    """The last one. Raises NotFound, also where there was none."""
    async with transaction(pool, workspace_id) as conn:
        return await _read(conn, workspace_id, sender_id)


async def _read(conn: Conn, workspace_id: int, sender_id: int) -> WireCheck:
    params = {"workspace_id": workspace_id, "sender_id": sender_id, "given_up_s": GIVEN_UP_S}
    row = await fetch_one(conn, sql.read_check, params)
    if row is None:
        raise NotFound(f"sender {sender_id} has not been checked")
    return _check(row)


def _check(row: Row) -> WireCheck:
    given_up = row.pop("is_given_up")
    findings = [_UNFINISHED] if given_up else msgspec.convert(row.pop("findings"), list[Showing])
    row.pop("findings", None)
    status = "DONE" if given_up or row["done_at"] is not None else "RUNNING"
    return WireCheck(status=status, findings=findings, **row)


# For workers


async def begin(pool: Pool, workspace_id: int, sender_id: int) -> Begun | None:
    """Take the check on; None: there is none to be made."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.begin_check, {"workspace_id": workspace_id, "sender_id": sender_id})
    return None if row is None else Begun(workspace_id, sender_id, row["reader_id"], row["requested_at"])


async def take_allowance(pool: Pool, begun: Begun) -> bool:
    """One handover of what the sender's limits leave this hour; False: they leave nothing."""
    params = {"workspace_id": begun.workspace_id, "sender_id": begun.sender_id}
    async with transaction(pool) as conn:
        held = await fetch_exactly_one(conn, sql.hold_window, params)
        return await fetch_one(conn, sql.take_allowance, params | held) is not None


async def end(
    pool: Pool,
    begun: Begun,
    address: str,
    shown: Shown,
    habit: Habit,
    inbox_read: bool | None,
    latency_ms: int | None,
) -> None:
    """Keep what was found; the DNS check learns by which selectors the sender's domain signs, threading what the server
    does to Message-IDs.
    """
    named = {"workspace_id": begun.workspace_id, "sender_id": begun.sender_id}
    found = {
        "requested_at": begun.requested_at,
        "findings": msgspec.json.encode(shown.showings).decode(),
        "one_click_signed": shown.one_click_signed,
        "message_id_kept": shown.message_id_kept,
        "sent_copy": shown.sent_copy,
        "dmarc_aligned": shown.dmarc_aligned,
        "inbox_read": inbox_read,
        "latency_ms": latency_ms,
        "used_message_id": shown.used_message_id,
        "habit_word": habit.word,
        "habit_domain": habit.domain,
    }
    async with transaction(pool) as conn:
        await conn.execute(sql.end_check, named | found)
        if shown.selectors:
            selectors = {"domain": domain_of(address), "selectors": shown.selectors}
            await conn.execute(sql.note_selectors, named | selectors)
