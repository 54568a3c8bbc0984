"""From a request to a scheduled campaign: recipients staged, planned and inserted in one transaction with the wake-up.

The long part, reading and checking the recipients, runs in a thread a chunk at a time and goes straight to COPY, so
neither the event loop nor memory feels a million rows. No lock is held while it lasts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, NamedTuple, cast

import msgspec
from psycopg.types.json import Jsonb

from app.db import Conn, Pool, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.campaigns.campaigns import Campaign, read_campaign
from app.domain.campaigns.draft import Draft, check_name, check_pace, check_start
from app.domain.campaigns.trial import Trial
from app.domain.planning.changes import ask_behind_others
from app.domain.planning.course import SenderLoad, lock_plan, sender_load
from app.domain.planning.plan import HORIZON, Plan, plan
from app.domain.planning.slots import Limits, hour_of
from app.domain.planning.slots import Room as SlotRoom
from app.domain.recipients import stored_lists
from app.domain.recipients.lists import Duplicate, RecipientList, Rejected
from app.domain.recipients.stored_lists import Named
from app.domain.workspaces import audit, quotas
from app.domain.workspaces.quotas import UNLIMITED, Quotas, Room
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import defer_wake_up
from app.sql import queries
from app.turns import Turns

sql = queries(__name__)

CHUNK = 1_000_000  # bytes: of rows, a few may be as large as many
AT_ONCE = 3  # each reads for seconds and holds a connection: more of them would leave none for anybody else
AGAIN_S = 0.2  # how often a repeated request looks whether the first, at another process, has been answered

_turns = Turns(AT_ONCE, of_one=AT_ONCE - 1)


class Scheduled(msgspec.Struct, rename="camel"):
    """What was scheduled, and what was not and why."""

    campaign: Campaign
    accepted: int
    duplicates: int
    rejected: list[Rejected]
    first_at: datetime
    last_at: datetime


class WindowPlan(msgspec.Struct, rename="camel"):
    """How many emails leave in the clock hour that begins at `start`."""

    start: datetime
    count: int


class Preview(msgspec.Struct, rename="camel"):
    """What `schedule` would do.

    `duplicate_rows`: the first 1,000 duplicates. `held_back_by`: for each limit that delays the plan, how many hours it
    fills.
    """

    accepted: int
    duplicates: int
    duplicate_rows: list[Duplicate]
    rejected: list[Rejected]
    first_at: datetime
    last_at: datetime
    held_back_by: dict[str, int]
    hourly: list[WindowPlan]
    sender_id: int
    sender_hourly_limit: int


class Request(NamedTuple):
    """`recipients` are made once the fields that the content requires are known, or are a list that is kept."""

    draft: Draft
    recipients: Callable[[frozenset[str]], RecipientList] | Named


class Idempotency(NamedTuple):
    """`fingerprint`: SHA-256 of the request the key came with."""

    key: str
    fingerprint: bytes


async def schedule(
    pool: Pool,
    workspace_id: int,
    request: Request,
    idempotency: Idempotency | None = None,
    actor: Actor = LOCAL,
    most: Quotas = UNLIMITED,
) -> Scheduled:
    """Schedule a campaign, all or nothing.

    With an idempotency key used before, gives the answer of the first time and writes nothing; while the first is being
    answered, it waits with neither turn nor connection.
    Raises InvalidInput, NotFound (the sender) and Conflict (a key used for a different request; others that plan for
    the same sender for long; QuotaReached).
    """
    _check(request.draft)
    while True:
        async with _turns.take(workspace_id), _spool() as file, transaction(pool, workspace_id) as conn:
            asked = _Asked(workspace_id, request, file, actor, most, keeps_answer=idempotency is not None)
            if idempotency is None:
                return await _schedule(conn, asked)
            if await _key_is_free(conn, workspace_id, idempotency):
                return await _schedule_once(conn, asked, idempotency)
        await asyncio.sleep(AGAIN_S)


class _Asked(NamedTuple):
    """A request on its way. `file` is for a list that is kept."""

    workspace_id: int
    request: Request
    file: BinaryIO
    actor: Actor
    most: Quotas
    keeps_answer: bool


async def _schedule_once(conn: Conn, asked: _Asked, idempotency: Idempotency) -> Scheduled:
    if earlier := await _earlier_answer(conn, asked.workspace_id, idempotency):
        return earlier
    answer = await _schedule(conn, asked)
    params = {"workspace_id": asked.workspace_id, "key": idempotency.key, "answer": Jsonb(msgspec.to_builtins(answer))}
    await conn.execute(sql.keep_idempotent_answer, params)
    return answer


async def _schedule(conn: Conn, asked: _Asked) -> Scheduled:
    workspace_id, request, file, actor, most, keeps_answer = asked
    await quotas.check_campaigns(conn, workspace_id, most)
    room = await quotas.room(conn, workspace_id, most)
    room.take(request.draft.content.size)
    make = await _source(conn, workspace_id, request, file)
    recipients, trial = await _recipients(workspace_id, request.draft, make)
    await conn.execute(sql.take_time)
    await conn.execute(sql.stage_recipients)
    async with conn.cursor() as cursor, cursor.copy(sql.copy_recipients) as copy:
        await _consume(recipients, trial, copy.write, room)
    if keeps_answer:
        room.take(recipients.rejected_bytes)
    await trial.run()
    planned = await _plan(conn, workspace_id, request.draft, recipients.accepted, lock=True)
    await quotas.check_again(conn, workspace_id, most, room.taken, campaign=True)
    sender_id, load, made = planned
    campaign_id = await _insert(conn, workspace_id, planned, request.draft, recipients, room.taken)
    await ask_behind_others(conn, workspace_id, sender_id, campaign_id)
    await defer_wake_up(conn, sender_id, made.first_at if made.first_at > load.now else None)
    await audit.record(conn, actor, workspace_id, "campaign.scheduled", f"campaigns/{campaign_id}")
    return Scheduled(
        campaign=await read_campaign(conn, workspace_id, campaign_id),
        accepted=recipients.accepted,
        duplicates=recipients.duplicates,
        rejected=recipients.rejected,
        first_at=made.first_at,
        last_at=made.last_at,
    )


async def preview(pool: Pool, workspace_id: int, request: Request) -> Preview:
    """What `schedule` would do with the same request, by the same plan; writes nothing. Raises as it does."""
    _check(request.draft)
    async with _turns.take(workspace_id), _spool() as file:
        async with transaction(pool, workspace_id) as conn:
            make = await _source(conn, workspace_id, request, file)
        recipients, trial = await _recipients(workspace_id, request.draft, make)
        await _consume(recipients, trial, _discard, Room(None))
        await trial.run()
    async with transaction(pool, workspace_id) as conn:
        sender_id, load, made = await _plan(conn, workspace_id, request.draft, recipients.accepted, lock=False)
    hourly: dict[datetime, int] = {}
    for run in made.runs:
        window = hour_of(run.at)
        hourly[window] = hourly.get(window, 0) + run.size
    return Preview(
        accepted=recipients.accepted,
        duplicates=recipients.duplicates,
        duplicate_rows=recipients.first_duplicates,
        rejected=recipients.rejected,
        first_at=made.first_at,
        last_at=made.last_at,
        held_back_by={str(limit): windows for limit, windows in made.held_back.items()},
        hourly=[WindowPlan(start, count) for start, count in hourly.items()],
        sender_id=sender_id,
        sender_hourly_limit=load.hourly_limit,
    )


def _check(draft: Draft) -> None:
    if draft.name is not None:
        check_name(draft.name)
    check_pace(draft.delay_between_ms, draft.hourly_limit)
    check_start(draft.start_time)


@asynccontextmanager
async def _spool() -> AsyncGenerator[BinaryIO]:
    """A file for a list that is kept; on disk once that is large."""
    with SpooledTemporaryFile[bytes](stored_lists.IN_MEMORY) as file:
        yield cast("BinaryIO", file)


async def _source(
    conn: Conn, workspace_id: int, request: Request, file: BinaryIO
) -> Callable[[frozenset[str]], RecipientList]:
    if isinstance(request.recipients, Named):
        return await stored_lists.use(conn, workspace_id, request.recipients, file)
    return request.recipients


async def _recipients(
    workspace_id: int, draft: Draft, make: Callable[[frozenset[str]], RecipientList]
) -> tuple[RecipientList, Trial]:
    templates = await draft.content.parse(workspace_id)
    recipients = await asyncio.to_thread(make, templates.required)  # looks through all of a file
    draft.content.check(templates, recipients.fields)
    return recipients, Trial(templates, recipients.fields)


async def _consume(
    recipients: RecipientList, trial: Trial, write: Callable[[bytearray], Awaitable[None]], room: Room
) -> None:
    """Read, check and pass on all recipients as lines of COPY's text form.

    Raises InvalidInput when none is left, QuotaReached as soon as they are more than there is room for.
    """
    encode = msgspec.json.Encoder().encode
    rows = enumerate(recipients)

    def next_chunk() -> bytearray:
        chunk = bytearray()
        for number, r in rows:
            trial.see(recipients.row, r)
            # JSON escapes all control characters, and an address holds none: only backslashes are special to COPY.
            chunk += b"%d\t%b\t%b\n" % (number, r.address.encode(), encode(r.fields).replace(b"\\", b"\\\\"))
            if len(chunk) >= CHUNK:
                break
        return chunk

    while chunk := await asyncio.to_thread(next_chunk):
        room.take(len(chunk))
        await write(chunk)
    if not recipients.accepted:
        raise InvalidInput({"recipients": "no valid recipient"}, rejected=recipients.rejected)


async def _discard(chunk: bytearray) -> None:
    del chunk


class _Planned(NamedTuple):
    sender_id: int
    load: SenderLoad
    plan: Plan


async def _plan(conn: Conn, workspace_id: int, draft: Draft, count: int, *, lock: bool) -> _Planned:
    sender_id = draft.sender_id
    if sender_id is None:
        row = await fetch_one(conn, sql.default_sender, {"workspace_id": workspace_id})
        if row is None:
            raise InvalidInput({"senderId": "there is no default sender; name one"})
        sender_id = int(row["id"])
    if lock:
        await lock_plan(conn, sender_id)
    try:
        load = await sender_load(conn, workspace_id, sender_id)
    except NotFound as error:
        raise InvalidInput({"senderId": error.detail}) from None
    made = await asyncio.to_thread(
        plan,
        count,
        load.now if draft.start_time is None else max(load.now, draft.start_time.astimezone(UTC)),
        timedelta(milliseconds=draft.delay_between_ms),
        SlotRoom(Limits(load.hourly_limit, campaign_hourly=draft.hourly_limit), load.taken),
        horizon=HORIZON,
    )
    return _Planned(sender_id, load, made)


async def _insert(
    conn: Conn, workspace_id: int, planned: _Planned, draft: Draft, recipients: RecipientList, stored_bytes: int
) -> int:
    sender_id, load, made = planned
    row = await fetch_exactly_one(
        conn,
        sql.insert_campaign,
        {
            "workspace_id": workspace_id,
            "sender_id": sender_id,
            "name": draft.name or draft.content.subject[:200],
            "subject": draft.content.subject,
            "body": draft.content.body,
            "body_html": draft.content.body_html,
            "fields": sorted(recipients.fields),
            "start_at": draft.start_time or load.now,  # not when a limit lets it begin: the limit may be lifted
            "delay_ms": draft.delay_between_ms,
            "hourly_limit": draft.hourly_limit,
            "on_unknown": draft.on_unknown,
            "stored_bytes": stored_bytes,
        },
    )
    campaign = {"workspace_id": workspace_id, "campaign_id": int(row["id"]), "delay_ms": draft.delay_between_ms}
    if draft.hourly_limit is not None:
        await conn.execute(sql.insert_hours, campaign | {"hourly_limit": draft.hourly_limit})
    stream = {"first_at": made.first_at, "total": recipients.accepted}
    row = await fetch_exactly_one(conn, sql.insert_stream, campaign | stream)
    params = campaign | {
        "stream_id": row["id"],
        "firsts": [run.first for run in made.runs],
        "counts": [run.size for run in made.runs],
        "ats": [run.at for run in made.runs],
    }
    await conn.execute(sql.join_at_once)
    await conn.execute(sql.insert_emails, params)
    return campaign["campaign_id"]


async def _key_is_free(conn: Conn, workspace_id: int, idempotency: Idempotency) -> bool:
    params = {"workspace_id": workspace_id, "key": idempotency.key}
    return (await fetch_exactly_one(conn, sql.try_idempotency_key, params))["is_free"]


async def _earlier_answer(conn: Conn, workspace_id: int, idempotency: Idempotency) -> Scheduled | None:
    params = {"workspace_id": workspace_id, "key": idempotency.key, "fingerprint": idempotency.fingerprint}
    if await fetch_one(conn, sql.take_idempotency_key, params):
        return None
    earlier = await fetch_exactly_one(conn, sql.idempotent_answer, params)
    if earlier["fingerprint"] != idempotency.fingerprint:
        raise Conflict("this Idempotency-Key was used for a different request; take a new one")
    return msgspec.convert(earlier["answer"], Scheduled)
