"""Emails that a sender gives to its campaign's other senders, and holds of a campaign on all of them.

A sender that was taken out of a campaign, or that has not got through for more than an hour for connection, login or
quota, gives the campaign's other senders what it has not begun. Not begun is an email that waits and was never tried:
one that a server may have heard of, under this sender's name, stays with it. Each goes to the sender that is likely to
come to it first, and is planned there anew. Where none of the others gets through either, nothing moves.

A server's words on a message are no reason to try another sender with it: they hold the campaign on all its senders,
until the hold ends, be it by a person or since an email got through.

The sweep does both, in batches. A worker that dies in between leaves emails that are whole, on one sender or the other;
the next sweep goes on. Locks are taken in the order of `ledger/streams`.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from app.db import Conn, Pool, Row, fetch_all, transaction
from app.domain.accounts.actor import WORKER
from app.domain.each import each_by_itself
from app.domain.ledger import streams
from app.domain.planning import changes
from app.domain.planning.course import BATCH, lock_plan, planning
from app.domain.suppressions.held import owe_something
from app.domain.workspaces import audit
from app.errors import PlanChanging
from app.jobs import defer_planning, defer_wake_up
from app.sql import queries

sql = queries(__name__)


class Handed(NamedTuple):
    """So many emails of a campaign have gone to other senders."""

    campaign_id: int
    emails: int


async def hand_over(pool: Pool) -> list[Handed]:
    """Have all senders give that have to, as far as others can take it."""
    async with transaction(pool) as conn:
        giving = await fetch_all(conn, sql.giving)
    done: list[Handed] = []
    with each_by_itself() as one:
        for stream in giving:
            with one():
                if emails := await _give_all(pool, stream):
                    done.append(Handed(stream["campaign_id"], emails))
    return done


async def _give_all(pool: Pool, stream: Row) -> int:
    emails, is_over = 0, False
    while not is_over:
        try:
            given = await _give(pool, stream, is_first=not emails)
        except PlanChanging:
            break  # others plan; the next sweep goes on
        emails += given
        is_over = given < BATCH
    return emails


async def _give(pool: Pool, stream: Row, *, is_first: bool) -> int:
    """A batch of the stream's emails to others; how many. Fewer than a batch: that was all. Raises PlanChanging."""
    async with planning(pool) as conn:
        senders = await fetch_all(conn, sql.senders_of_handover, stream)
        await lock_plan(conn, *(row["sender_id"] for row in senders))
        await owe_something(conn, stream["workspace_id"])
        await streams.lock_of_campaign(conn, stream["workspace_id"], stream["campaign_id"])
        parts = await fetch_all(conn, sql.parts, stream)
        giver = next((part for part in parts if part["stream_id"] == stream["stream_id"]), None)
        takers = [part for part in parts if part["takes"] and part is not giver]
        if giver is None or giver["gives_for"] is None:
            return 0
        ids = [row["id"] for row in await fetch_all(conn, sql.not_begun, stream | {"limit": BATCH})]
        if ids and (not takers or any(part["refused"] for part in parts)):
            return 0
        await _move(conn, stream | giver, takers, ids)
        if is_first and ids:
            subject = f"campaigns/{stream['campaign_id']}"
            await audit.record(conn, WORKER, stream["workspace_id"], "campaign.moved", subject)
        if len(ids) < BATCH:
            await streams.finish_giving(conn, stream["workspace_id"], stream["campaign_id"])
            await _plan_anew(conn, stream["workspace_id"], [giver, *takers])
        return len(ids)


async def _move(conn: Conn, giver: Row, takers: Sequence[Row], ids: Sequence[int]) -> None:
    if not ids:
        return
    given_to = deal(len(ids), [(taker["scheduled"], taker["an_hour"]) for taker in takers])
    params = giver | {"ids": list(ids), "stream_ids": [takers[number]["stream_id"] for number in given_to]}
    await conn.execute(sql.give, params)
    involved = [giver["stream_id"], *{takers[number]["stream_id"] for number in given_to}]
    await streams.settle(conn, giver["workspace_id"], involved)
    await conn.execute(sql.interrupt_plan, giver)
    for sender_id in sorted({takers[number]["sender_id"] for number in given_to}):  # each locks what it queues
        await defer_wake_up(conn, sender_id)


async def _plan_anew(conn: Conn, workspace_id: int, parts: Sequence[Row]) -> None:
    """The takers have more to send, and the giver has room for its other campaigns."""
    senders = {part["sender_id"] for part in parts}
    for sender_id in await changes.ask_for_senders(conn, workspace_id, senders):
        await defer_planning(conn, workspace_id, sender_id)


def deal(count: int, takers: Sequence[tuple[int, float]]) -> list[int]:
    """To which of the takers each of `count` emails goes, in order: the one that has sent first what waits in it. Of
    each, how many wait already and how many it sends an hour.
    """
    queue = [((waiting + 1) / an_hour, number) for number, (waiting, an_hour) in enumerate(takers)]
    heapq.heapify(queue)
    dealt: list[int] = []
    for _ in range(count):
        ready, number = queue[0]
        dealt.append(number)
        heapq.heapreplace(queue, (ready + 1 / takers[number][1], number))
    return dealt


async def hold_on_all(pool: Pool) -> None:
    """Hold campaigns on all their senders while a server's words hold them on one."""
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.holds_to_spread)
        over = await fetch_all(conn, sql.holds_left_behind)
    with each_by_itself() as one:
        for row in found:
            with one():
                async with transaction(pool) as conn:
                    await _lock_windows(conn, row)
                    await conn.execute(sql.spread_hold, row)
        for (workspace_id, campaign_id), _ in groupby(over, lambda row: (row["workspace_id"], row["campaign_id"])):
            its = {"workspace_id": workspace_id, "campaign_id": campaign_id}
            with one():
                async with transaction(pool) as conn:
                    await _lock_windows(conn, its)
                    await conn.execute(sql.lift_followers, its)
                    for sender in await fetch_all(conn, sql.senders_of_handover, its):
                        await defer_wake_up(conn, sender["sender_id"])


async def _lock_windows(conn: Conn, its: Row) -> None:
    await conn.execute(sql.open_windows_of_campaign, its)
    await conn.execute(sql.lock_windows_of_campaign, its)
