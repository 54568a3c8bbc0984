"""Changes of plans: a transaction that changes what a plan depends on asks for one; new times are given afterwards.

They are given a batch at a time, each in a transaction of its own, from the first of the list on, so that neither a
sender nor anybody else waits for a plan of a million. A process that dies in between leaves emails with times that are
all right to send at (limits hold where emails are claimed) and the request; the worker's sweep has it begun again. A
new calendar does not hold there: until an email has its time by it, nothing is claimed from when that one is due on
(`holds_from`).

One process at a time plans what was asked for a sender: it takes that for `TAKEN_S`, renewed with each batch.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg.rows import tuple_row

from app.db import Conn, Pool, Row, fetch_all, fetch_one, transaction
from app.domain.ledger import streams
from app.domain.planning.course import BATCH, Course, keep, lock_plan, move, planning, read_course
from app.domain.planning.plan import Place
from app.errors import NotFound, PlanChanging
from app.jobs import defer_planning, defer_wake_up
from app.sql import queries
from app.turns import OneByOne, Turns

sql = queries(__name__)

TAKEN_S = 15.0
NEGLECTED_S = 5.0
BATCH_S = 0.1  # what a batch should take at most: smaller ones where the database is slower
SMALLEST_BATCH = 100
PAGE = 10_000
# The emails that a request plans by itself. The worker, without which nothing is sent, plans the rest.
AT_ONCE = 10_000
PATIENCE_S = 5.0

_one_by_one = OneByOne()
_turns = Turns(3, of_one=2)  # of a process; each holds a connection, and may wait with it for a lock


async def ask_for_campaign(
    conn: Conn, workspace_id: int, campaign_id: int, *, sender_id: int | None = None, hold: bool = False
) -> list[int]:
    """Have what waits in the campaign planned again, or what waits of it on one sender; returns the senders on which
    anything does. `hold`: nothing goes by the times that it has.
    """
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "sender_id": sender_id, "hold": hold}
    return sorted(row["sender_id"] for row in await fetch_all(conn, sql.ask_for_campaign, params))


async def hold_unplanned(conn: Conn, workspace_id: int, campaign_id: int) -> None:
    """Of a campaign that was asked for, let nothing go by the times that it has where `plan_now` gave no new ones, for
    others were planned. One with more emails than that plans, or behind more of others, would wait too long, and its
    times are all right.
    """
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "most": AT_ONCE}
    held = await fetch_all(conn, sql.hold_unplanned, params)
    for sender_id in sorted(row["sender_id"] for row in held):  # by id, since each locks what it queues
        await defer_planning(conn, workspace_id, sender_id)


async def ask_for_senders(
    conn: Conn,
    workspace_id: int,
    sender_ids: Iterable[int],
    *,
    except_campaign_id: int | None = None,
    anew: bool = True,
) -> list[int]:
    """The same for all active campaigns of senders, once in a transaction: two that ask for several lock in the same
    order. Unless `anew`, a plan under way goes on.
    """
    params = {
        "workspace_id": workspace_id,
        "sender_ids": list(sender_ids),
        "except_campaign_id": except_campaign_id,
        "anew": anew,
    }
    return sorted({row["sender_id"] for row in await fetch_all(conn, sql.ask_for_senders, params)})


async def ask_behind_others(conn: Conn, workspace_id: int, campaign_id: int) -> None:
    """The same for a campaign that is new, on those of its senders that have others which are being planned again."""
    await conn.execute(sql.ask_behind_others, {"workspace_id": workspace_id, "campaign_id": campaign_id})


async def free_room(
    conn: Conn, workspace_id: int, stream_ids: Iterable[int], *, except_campaign_id: int | None = None
) -> None:
    """Something of the streams is not sent any more: have what their senders' logins send planned again, in the
    background. Not the campaign of which all has ended; without one it is a place or two, for which no plan that is
    under way begins anew, or many erasures would keep it from ever being made.
    """
    params = {"workspace_id": workspace_id, "stream_ids": list(stream_ids)}
    beside = [row["sender_id"] for row in await fetch_all(conn, sql.senders_beside, params)]
    anew = except_campaign_id is not None
    for sender_id in await ask_for_senders(
        conn, workspace_id, beside, except_campaign_id=except_campaign_id, anew=anew
    ):
        await defer_planning(conn, workspace_id, sender_id)


async def campaigns_asked(conn: Conn, workspace_id: int, sender_id: int) -> set[int]:
    """The sender's campaigns that are to be planned again."""
    params = {"workspace_id": workspace_id, "sender_id": sender_id}
    return {row["campaign_id"] for row in await fetch_all(conn, sql.campaigns_asked, params)}


async def plan_now(pool: Pool, workspace_id: int, sender_id: int) -> None:
    """Plan what was asked for the sender as far as a request can wait for it; what is left goes to a worker.

    A request that waits for another holds no connection meanwhile. Raises PlanChanging when that is too long.
    """
    async with _turn(workspace_id, sender_id):
        done = await carry_out(pool, workspace_id, sender_id, at_most=AT_ONCE)
    if not done:
        await plan_later(pool, workspace_id, sender_id)


async def plan_soon(pool: Pool, workspace_id: int, sender_id: int) -> None:
    """`plan_now`, or where that is not to be had, later: for a change that stands either way."""
    try:
        await plan_now(pool, workspace_id, sender_id)
    except PlanChanging:
        await plan_later(pool, workspace_id, sender_id)


async def plan_later(pool: Pool, workspace_id: int, sender_id: int) -> None:
    """Have a worker plan what was asked for the sender."""
    async with transaction(pool, workspace_id) as conn:
        await defer_planning(conn, workspace_id, sender_id)


@asynccontextmanager
async def _turn(workspace_id: int, sender_id: int) -> AsyncGenerator[None]:
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await stack.enter_async_context(_one_by_one.alone(sender_id))
                await stack.enter_async_context(_turns.take(workspace_id))
        except TimeoutError:
            raise PlanChanging from None
        yield


async def wake_neglected(pool: Pool) -> list[int]:
    """Have plans made that were asked for and that nobody is at; returns the senders' ids.

    Each in a transaction of its own: whoever queues some of them meanwhile, in an order of theirs, waits for none.
    """
    async with pool.connection() as conn:
        neglected = await fetch_all(conn, sql.neglected, {"asked_s": NEGLECTED_S})
        for row in neglected:
            await defer_planning(conn, row["workspace_id"], row["sender_id"])
    return [row["sender_id"] for row in neglected]


class _Taken(NamedTuple):
    """A campaign that is ours to plan; all that was `asked` for its sender is."""

    workspace_id: int
    sender_id: int
    taker: UUID
    campaign_id: int
    asked_at: datetime
    holds: bool  # what is due before it has its new time
    asked: list[int]

    def parameters(self) -> dict[str, Any]:
        return self._asdict() | {"for_s": TAKEN_S}


async def carry_out(
    pool: Pool, workspace_id: int, sender_id: int, *, at_most: int | None = None, rest: float = 0.0
) -> bool:
    """Give new times in all campaigns that were asked for, each in its turn, to `at_most` emails. After each batch that
    changes something it rests for `rest` times as long as that took.

    Returns whether nothing is left to do: not, if more emails wait or somebody else is at it. Raises PlanChanging.
    """
    taker = uuid4()
    left = at_most
    try:
        while isinstance(taken := await _take(pool, workspace_id, sender_id, taker), _Taken):
            if left == 0:
                return False
            planned = await _plan_again(pool, taken, left, rest)
            left = None if left is None else left - planned
        return taken
    finally:
        async with planning(pool) as conn:
            params = {"workspace_id": workspace_id, "sender_id": sender_id, "taker": taker}
            await conn.execute(sql.asked, params)  # locks, in the order in which everybody does
            await conn.execute(sql.let_go, params)


async def _take(pool: Pool, workspace_id: int, sender_id: int, taker: UUID) -> _Taken | bool:
    """All that was asked for the sender, the first of it to be planned; else whether nothing was."""
    params = {"workspace_id": workspace_id, "sender_id": sender_id, "taker": taker, "for_s": TAKEN_S}
    async with planning(pool) as conn:
        rows = await fetch_all(conn, sql.asked, params)
        if not rows or any(row["elsewhere"] for row in rows):
            return not rows
        rows.sort(key=_turn_of)
        asked = [row["campaign_id"] for row in rows]
        await conn.execute(sql.take, params | {"asked": asked})
    return _Taken(workspace_id, sender_id, taker, asked[0], rows[0]["asked_at"], rows[0]["holds"], asked)


def _turn_of(row: Row) -> tuple[bool, float, int]:
    """In which order a sender's campaigns are planned: direct mail, then what a person wants first, the latest of it
    before the rest, then as they were scheduled.
    """
    ahead_at: datetime | None = row["ahead_at"]
    return not row["direct"], -ahead_at.timestamp() if ahead_at else 0.0, row["campaign_id"]


async def _plan_again(pool: Pool, taken: _Taken, at_most: int | None, rest: float) -> int:
    """Give the campaign's emails new times, `at_most` so many of them, until it is asked for once more or somebody else
    has it; returns how many had their turn.
    """
    work = await _read(pool, taken, at_most)
    whole = at_most is None or (len(work.ids) <= at_most and not work.is_cut)
    count = len(work.ids) if at_most is None else min(len(work.ids), at_most)
    size, begin = BATCH, 0
    while True:
        began = time.monotonic()
        end = min(begin + size, count)
        async with planning(pool) as conn:
            await lock_plan(conn, taken.sender_id)
            await streams.lock(conn, taken.workspace_id, [work.stream_id])
            ours = await fetch_one(conn, sql.still_ours, taken.parameters())
            if ours is None:
                return begin
            if ours["over"]:
                await conn.execute(sql.done, taken.parameters())
                return begin
            moved = await _plan_batch(conn, taken, work, begin, end)
            if whole and end == count:
                await conn.execute(sql.done, taken.parameters())
            elif work.due_from:
                holds_from = datetime.fromtimestamp(work.due_from[end], UTC)
                await conn.execute(sql.hold_from, taken.parameters() | {"holds_from": holds_from})
        begin = end
        if begin == count:
            return begin if whole or at_most is None else at_most
        took = time.monotonic() - began
        size = max(SMALLEST_BATCH, min(BATCH, int(size * BATCH_S / took)))
        await asyncio.sleep(took * rest if moved else 0)


async def _plan_batch(conn: Conn, taken: _Taken, work: _Work, begin: int, end: int) -> int:
    """Returns how many emails changed their times."""
    course, moved = work.course, 0
    if course is None:
        return 0
    if not begin:
        for first in range(0, len(work.kept), BATCH):
            ids, places = zip(*work.kept[first : first + BATCH], strict=True)
            moved += await keep(conn, taken.workspace_id, work.stream_id, ids, places, course)
    if begin == end:
        return moved
    zones = work.zones[begin:end] or [None] * (end - begin)
    places = work.places[begin:end] or course.places(zones, max(min(work.owed, end) - begin, 0))
    if not begin:
        at = min(place.at for place in places)
        await defer_wake_up(conn, taken.sender_id, at if at > course.now else None)
    return moved + await move(conn, taken.workspace_id, work.stream_id, work.ids[begin:end].tolist(), places, course)


class _Work(NamedTuple):
    """The emails of a stream that are to be planned: `ids` in their order, the first `owed` of them of later steps;
    `zones` and `places` where these are known before the first batch, and retries with the places that they keep.
    `is_cut`: there may be more. `due_from`: when the first of `ids` from each on was due before, where it must not go
    by that time and all are known.
    """

    stream_id: int
    course: Course | None
    ids: array[int]
    zones: list[str | None]
    places: list[Place]
    kept: list[tuple[int, Place]]
    due_from: array[float]
    owed: int = 0
    is_cut: bool = False


async def _read(pool: Pool, taken: _Taken, at_most: int | None) -> _Work:
    """The stream that was taken, and its emails: one more than `at_most` at the most, retries among them."""
    async with planning(pool) as conn:
        try:
            stream, course = await read_course(
                conn, taken.workspace_id, taken.campaign_id, taken.sender_id, except_campaign_ids=taken.asked
            )
        except NotFound:
            return _Work(0, None, array("q"), [], [], [], array("d"))
        work = _Work(stream["stream_id"], course, array("q"), [], [], [], array("d"))
        if stream["status"] in {"CANCELLED", "FINISHED"}:
            return work._replace(course=None)
        limit = None if at_most is None or course.by_zone else at_most + 1
        params = {
            "workspace_id": taken.workspace_id,
            "stream_id": work.stream_id,
            "by_zone": course.by_zone,
            "holds": taken.holds,
            "from": course.begins_at,
        }
        due = array("d")
        if course.has_later_steps:  # they go ahead
            await _read_waiting(conn, params | {"owed": True, "limit": limit}, work, due, course)
            work = work._replace(owed=len(work.ids))
        left = None if limit is None else limit - len(work.ids) - len(work.kept)
        if left is None or left > 0:
            await _read_waiting(conn, params | {"owed": False, "limit": left}, work, due, course)
    work = work._replace(is_cut=limit is not None and len(work.ids) + len(work.kept) == limit)
    if course.by_zone:
        work, due = await asyncio.to_thread(_in_order_of_time, work, due, course)
    return work if work.is_cut else work._replace(due_from=_first_from(due))


async def _read_waiting(conn: Conn, params: dict[str, Any], work: _Work, due: array[float], course: Course) -> None:
    async with conn.cursor(name="waiting", row_factory=tuple_row) as cursor:  # a million are read in pieces
        await cursor.execute(sql.waiting, params)
        while page := await cursor.fetchmany(PAGE):
            for email_id, kept_at, due_s, zone in page:
                if kept_at is not None:
                    work.kept.append((email_id, course.kept(kept_at, zone)))
                    continue
                work.ids.append(email_id)
                if params["holds"]:
                    due.append(due_s)
                if course.by_zone:
                    work.zones.append(zone)


def _in_order_of_time(work: _Work, due: array[float], course: Course) -> tuple[_Work, array[float]]:
    """Emails that overtake each other, all placed: what leaves first is written first."""
    places = course.places(work.zones, work.owed)
    order = sorted(range(len(places)), key=lambda number: places[number].at)
    ids = array("q", (work.ids[number] for number in order))
    due = array("d", (due[number] for number in order)) if due else due
    return work._replace(ids=ids, places=[places[number] for number in order]), due


def _first_from(due: array[float]) -> array[float]:
    """For each, the earliest of it and of all behind it."""
    first = array("d", accumulate(reversed(due), min))
    first.reverse()
    return first
