"""Holds by servers' words, as people see them, and people's answers to them.

`judge` says what is held and ends it with the first email that gets through. A person who knows more need not wait for
the next probe. Effects come in batches, as with `decisions`: a process that dies in between leaves the rest held as it
was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.ledger import refusals, streams
from app.domain.ledger.judge import HoldReason, signatures
from app.domain.planning.changes import ask_for_senders
from app.domain.planning.course import lock_plan
from app.domain.workspaces import audit
from app.domain.workspaces.audit import Action
from app.errors import Conflict, NotFound
from app.jobs import defer_planning, defer_wake_up
from app.sql import queries

sql = queries(__name__)

HoldAnswer = Literal["try", "fail", "go_on"]
BATCH = 1_000
_ACTIONS: dict[tuple[str, HoldAnswer], Action] = {
    ("campaign", "try"): "campaign.held.try",
    ("campaign", "fail"): "campaign.held.fail",
    ("campaign", "go_on"): "campaign.held.go_on",
    ("sender", "try"): "sender.held.try",
    ("sender", "fail"): "sender.held.fail",
    ("sender", "go_on"): "sender.held.go_on",
}


class Held(msgspec.Struct, rename="camel", frozen=True):
    """Why nothing of a campaign or a sender goes: `words` are the server's. From `probe_at` on one email is tried.

    REFUSED: the server refuses one email after the other, `emails` of them so far (null: not known). SERVER_SLOW: it
    takes no more at present.
    """

    reason: HoldReason
    words: str
    since: datetime
    probe_at: datetime
    emails: int | None


class _Held(NamedTuple):
    """The hold that a person answers: of a stream, or (None) of all of a login, which is the sender's."""

    workspace_id: int
    sender_id: int
    login_id: int
    stream_id: int | None
    signature: str

    def parameters(self) -> dict[str, Any]:
        return self._asdict()


async def of_campaigns(conn: Conn, workspace_id: int, ids: Sequence[int]) -> dict[int, Held]:
    """Those of the campaigns that are held, their senders' holds aside."""
    rows = await _read(conn, workspace_id, campaign_ids=ids)
    return {row.pop("campaign_id"): _of(row) for row in rows}


async def of_senders(conn: Conn, workspace_id: int, ids: Sequence[int]) -> dict[int, Held]:
    """Those of the senders that are held as a whole."""
    rows = await _read(conn, workspace_id, sender_ids=ids)
    return {row.pop("sender_id"): _of(row) for row in rows}


async def _read(
    conn: Conn, workspace_id: int, *, campaign_ids: Sequence[int] = (), sender_ids: Sequence[int] = ()
) -> list[Row]:
    params = {"workspace_id": workspace_id, "campaign_ids": list(campaign_ids), "sender_ids": list(sender_ids)}
    return await fetch_all(conn, sql.read_holds, params)


def _of(row: Row) -> Held:
    return Held(**{name: row[name] for name in Held.__struct_fields__})


async def answer_campaign(
    pool: Pool,
    workspace_id: int,
    campaign_id: int,
    answer: HoldAnswer,
    actor: Actor = LOCAL,
    *,
    since: datetime | None = None,
) -> None:
    """A person's word on what is held of the campaign, or of that on what is held for the words that hold it `since`.
    Raises NotFound, and Conflict when nothing is, or not what the person saw.
    """
    async with transaction(pool, workspace_id) as conn:
        params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
        its_streams = await fetch_all(conn, sql.streams_of_campaign, params)
        seen = since and await _seen(conn, workspace_id, [stream["stream_id"] for stream in its_streams], None, since)
    if not its_streams:
        raise NotFound(f"no campaign {campaign_id}")
    subject = f"campaigns/{campaign_id}"
    found = [
        await _heed(pool, workspace_id, stream["sender_id"], stream["stream_id"], answer, actor, subject, seen)
        for stream in its_streams
    ]
    await _follow_all(pool, found, answer, "campaign")


async def answer_sender(
    pool: Pool,
    workspace_id: int,
    sender_id: int,
    answer: HoldAnswer,
    actor: Actor = LOCAL,
    *,
    since: datetime | None = None,
) -> None:
    """The same on what is held of the sender, and of its campaigns for the same words. Raises NotFound, Conflict."""
    async with transaction(pool, workspace_id) as conn:
        params = {"workspace_id": workspace_id, "sender_id": sender_id}
        if not (await fetch_exactly_one(conn, sql.sender_is_there, params))["there"]:
            raise NotFound(f"no sender {sender_id}")
        seen = since and await _seen(conn, workspace_id, [], sender_id, since)
    found = await _heed(pool, workspace_id, sender_id, None, answer, actor, f"senders/{sender_id}", seen)
    await _follow_all(pool, [found], answer, "sender")


async def _seen(conn: Conn, workspace_id: int, stream_ids: list[int], sender_id: int | None, since: datetime) -> str:
    """The signature of what holds the streams, or the sender, since then. Raises Conflict when that is over."""
    params = {"workspace_id": workspace_id, "stream_ids": stream_ids, "sender_id": sender_id, "since": since}
    row = await fetch_one(conn, sql.seen_hold, params)
    if row is None:
        raise Conflict("what was held back then is held no more; look again at what is")
    return row["signature"]


async def forget(pool: Pool, workspace_id: int, sender_id: int) -> None:
    """The sender has another server: what the one before said holds nothing back any more."""
    async with transaction(pool, workspace_id) as conn:
        login_id = await refusals.lock_window(conn, workspace_id, sender_id)
        params = {"workspace_id": workspace_id, "login_id": login_id, "signature": None, "stream_id": None}
        await _lift(conn, params)
        await defer_wake_up(conn, sender_id)


async def _heed(
    pool: Pool,
    workspace_id: int,
    sender_id: int,
    stream_id: int | None,
    answer: HoldAnswer,
    actor: Actor,
    subject: str,
    seen: str | None,
) -> _Held | None:
    """Note the answer, if there is something to answer: what has the signature that the person has `seen`."""
    async with transaction(pool, workspace_id) as conn:
        login_id = await refusals.lock_window(conn, workspace_id, sender_id)
        params = {"workspace_id": workspace_id, "login_id": login_id, "stream_id": stream_id}
        row = await fetch_one(conn, sql.lock_hold, params)
        if row is None or (seen is not None and row["signature"] != seen):
            return None
        if row["reason"] == "SERVER_SLOW" and answer == "fail":
            raise Conflict("the server is only slow: it refuses no recipient for good")
        what = "sender" if stream_id is None else "campaign"
        await audit.record(conn, actor, workspace_id, _ACTIONS[what, answer], subject)
        return _Held(workspace_id, sender_id, login_id, stream_id, row["signature"])


async def _follow_all(pool: Pool, found: Sequence[_Held | None], answer: HoldAnswer, what: str) -> None:
    if not any(found):
        raise Conflict(f"nothing is held back of the {what}")
    for held in found:
        if held is not None:
            await _follow(pool, held, answer)


async def _follow(pool: Pool, held: _Held, answer: HoldAnswer) -> None:
    """Do as the answer says. Last of all the hold ends or its next probe is due: till then nothing of it is claimed."""
    async with transaction(pool, held.workspace_id) as conn:
        streams_held = await fetch_all(conn, sql.streams_held, held.parameters())
    for stream in streams_held:
        after_id = stream["first_id"] - 1
        while refused := await _refused(pool, stream | {"workspace_id": held.workspace_id, "after_id": after_id}):
            met = [row for row in refused if held.signature in _said(row)]
            await _settle(pool, held.workspace_id, stream, met, answer)
            after_id = refused[-1]["id"]
    async with transaction(pool, held.workspace_id) as conn:
        await refusals.lock_window(conn, held.workspace_id, held.sender_id)
        senders = sorted({held.sender_id} | {stream["sender_id"] for stream in streams_held})
        if answer == "fail":  # their room is free for others
            for sender_id in await ask_for_senders(conn, held.workspace_id, senders):
                await defer_planning(conn, held.workspace_id, sender_id)
        if answer == "try":
            await conn.execute(sql.probe_now, held.parameters())
        else:
            await _lift(conn, held.parameters())
        for sender_id in senders:
            await defer_wake_up(conn, sender_id)


async def _lift(conn: Conn, params: dict[str, Any]) -> None:
    await conn.execute(sql.forget_refusals, params)
    await conn.execute(sql.lift_holds, params)


async def _refused(pool: Pool, stream: Row) -> list[Row]:
    async with transaction(pool, stream["workspace_id"]) as conn:
        return await fetch_all(conn, sql.emails_that_went_back, stream | {"limit": BATCH})


def _said(row: Row) -> set[str]:
    return signatures(row["command"], row["code"], row["enhanced_code"], row["reply"])


async def _settle(pool: Pool, workspace_id: int, stream: Row, emails: list[Row], answer: HoldAnswer) -> None:
    """Emails of one stream that met the refusal: they fail, or wait no longer than for their turn."""
    if not emails:
        return
    params = {
        "workspace_id": workspace_id,
        "stream_id": stream["stream_id"],
        "ids": [row["id"] for row in emails],
        "tried": [row["attempts"] for row in emails],
    }
    async with transaction(pool, workspace_id) as conn:
        await lock_plan(conn, stream["sender_id"])
        await streams.lock(conn, workspace_id, [stream["stream_id"]])
        await conn.execute(sql.fail_emails if answer == "fail" else sql.emails_due_now, params)
        await streams.settle(conn, workspace_id, [stream["stream_id"]])
