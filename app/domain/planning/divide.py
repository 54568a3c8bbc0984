"""The division of a campaign's emails among its senders, made anew when it gets more of them.

Only emails that were not begun change their sender: one that a server may have heard of, under a sender's name, stays
with it. All of them are planned over all senders as a new campaign would be; each goes to the sender that this plan has
for it, and then each sender's part is planned again. Emails change their streams in batches. A process that dies in
between leaves each email whole, on one sender or the other; the next sweep begins again.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg.rows import tuple_row

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.each import each_by_itself
from app.domain.ledger import streams
from app.domain.planning.calendar import Calendar
from app.domain.planning.campaign_calendar import RECIPIENT, in_zone, of_kept
from app.domain.planning.changes import PAGE, ask_for_campaign
from app.domain.planning.course import (
    BATCH,
    SenderLoad,
    lock_plan,
    places_of,
    planning,
    sender_load,
    streams_of,
    zoned,
)
from app.domain.planning.plan import plan
from app.domain.planning.slots import CampaignRoom
from app.domain.suppressions.held import owe_something
from app.errors import PlanChanging
from app.jobs import defer_planning
from app.sql import queries

sql = queries(__name__)

TAKEN_S = 30.0
AT_ONCE = 10_000  # emails that a request divides by itself


async def ask_to_divide(conn: Conn, workspace_id: int, campaign_id: int) -> None:
    """Have what waits in the campaign, which is locked, divided over its senders anew."""
    await conn.execute(sql.ask_to_divide, {"workspace_id": workspace_id, "campaign_id": campaign_id})


async def divide_soon(pool: Pool, workspace_id: int, campaign_id: int) -> None:
    """Divide it if that is quick; else the sweep does."""
    async with transaction(pool) as conn:
        params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
        waiting = (await fetch_exactly_one(conn, sql.how_many_wait, params))["scheduled"]
    if waiting <= AT_ONCE:
        await _divide(pool, workspace_id, campaign_id)


async def divide_neglected(pool: Pool) -> list[int]:
    """Divide the campaigns for which that was asked and that nobody is at; their ids."""
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.to_divide)
    done: list[int] = []
    with each_by_itself() as one:
        for row in found:
            with one():
                if await _divide(pool, row["workspace_id"], row["id"]):
                    done.append(row["id"])
    return done


class _Part(NamedTuple):
    """Emails to be divided, and the numbers of the streams that they go to."""

    stream_ids: list[int]
    ids: array[int]
    streams: array[int]


async def _divide(pool: Pool, workspace_id: int, campaign_id: int) -> bool:
    """Whether it is done: not, if somebody else is at it, or it was asked once more."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "for_s": TAKEN_S}
    async with transaction(pool) as conn:
        taken = await fetch_one(conn, sql.take_division, params)
    if taken is None:
        return False
    try:
        part = await _read(pool, workspace_id, campaign_id)
        return await deal_out(pool, params | {"taken": taken["divide_at"]}, part)
    except PlanChanging:
        return False  # others plan; the next sweep begins again


async def deal_out(pool: Pool, params: Row, part: _Part) -> bool:
    """Give the streams their parts, in batches. Whether it is done: as of `_divide`."""
    workspace_id, campaign_id = params["workspace_id"], params["campaign_id"]
    begin = 0
    while True:
        end = min(begin + BATCH, len(part.ids))
        async with planning(pool) as conn:
            senders = [row["sender_id"] for row in await fetch_all(conn, sql.senders_divided, params)]
            await lock_plan(conn, *senders)
            await owe_something(conn, workspace_id)
            locked = await streams.lock_of_campaign(conn, workspace_id, campaign_id)
            renewed = await fetch_one(conn, sql.renew_division, params)
            if renewed is None:
                return False
            params |= {"taken": renewed["divide_at"]}
            targets = [part.stream_ids[stream] for stream in part.streams[begin:end]]
            await conn.execute(sql.deal_out, params | {"ids": part.ids[begin:end].tolist(), "stream_ids": targets})
            await streams.settle(conn, workspace_id, locked)
            await conn.execute(sql.interrupt_held_plans, params)
            if end == len(part.ids):
                await streams.finish_giving(conn, workspace_id, campaign_id)
                await conn.execute(sql.end_division, params)
                for sender_id in await ask_for_campaign(conn, workspace_id, campaign_id):
                    await defer_planning(conn, workspace_id, sender_id)
                return True
        begin = end


async def _read(pool: Pool, workspace_id: int, campaign_id: int) -> _Part:
    """The emails that wait and were not begun, and their plan over all that send the campaign."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    ids, zones = array("q"), list[str | None]()
    async with planning(pool) as conn:
        parts = await fetch_all(conn, sql.dividing, params)
        if not parts:
            return _Part([], ids, array("H"))
        loads = [
            await sender_load(
                conn,
                workspace_id,
                part["sender_id"],
                campaign_id=campaign_id,
                except_campaign_ids=[campaign_id],
                of_all=True,
            )
            for part in parts
        ]
        async with conn.cursor(name="not_begun", row_factory=tuple_row) as cursor:
            await cursor.execute(sql.not_begun_of_campaign, params)
            while page := await cursor.fetchmany(PAGE):
                for email_id, zone in page:
                    ids.append(email_id)
                    zones.append(zone)
    if not ids:
        return _Part([], ids, array("H"))
    streams = await asyncio.to_thread(_divided, parts, loads, zones)
    return _Part([part["stream_id"] for part in parts], ids, streams)


def _divided(parts: Sequence[Row], loads: Sequence[SenderLoad], zones: Sequence[str | None]) -> array[int]:
    """Of each email, in which of `zones` it is to be read, by which of `parts` it leaves."""
    campaign = parts[0]
    calendar = of_kept(campaign["calendar"])
    calendars: list[Calendar | None] = [None if calendar is None else in_zone(calendar)]
    numbers: Sequence[int] | None = None
    if calendar is not None and calendar.timezone == RECIPIENT:
        calendars, numbers = zoned(calendar, zones)
    begins: list[datetime] = [
        max(loads[0].now, part["start_at"], part["free_at"] or part["start_at"]) for part in parts
    ]
    made = plan(
        len(zones),
        streams_of(
            begins,
            loads,
            {load.login_id: load.room(campaign["share_percent"], campaign["copies"]) for load in loads},
            timedelta(milliseconds=campaign["delay_ms"]),
            campaign["jitter_percent"],
        ),
        calendars,
        zones=numbers,
        campaign=None if campaign["hourly_limit"] is None else CampaignRoom(campaign["hourly_limit"]),
        latest=campaign["latest_at"],
        copies=campaign["copies"],
    )
    return array("H", (place.stream for place in places_of(made, len(zones))))
