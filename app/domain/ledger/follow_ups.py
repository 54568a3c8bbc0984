"""Follow-ups: an email that owes its recipient the next step becomes, once that falls due, an email of that step.

`follows_at` sets what an email owes (`emails.follow_at`) on every way to SENT; a stop of its recipient clears it. Here
it becomes an email, in batches, each a transaction: a worker that dies in between leaves the rest owed. It is unique by
recipient and step, so no two workers make it twice.
"""

from __future__ import annotations

import math
import time
from collections import deque
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.ledger import streams
from app.domain.planning.campaign_calendar import of_kept
from app.domain.planning.follow import Clocks, Due, Wait
from app.domain.suppressions import held
from app.jobs import defer_wake_up
from app.sql import queries

sql = queries(__name__)
log = structlog.get_logger()

AHEAD = timedelta(hours=1)  # so long before it is due it becomes an email, which claims find in time
BATCH = 500  # emails: others wait for their stream meanwhile


class Followed(NamedTuple):
    """How many emails were made, and how many recipients turned out to be suppressed."""

    made: int = 0
    stopped: int = 0


async def follow_up(pool: Pool, *, for_s: float = 2.0) -> Followed:
    """Make emails of what falls due, for so long: others wait for the sweep to go on."""
    return await _make(pool, {"ahead": AHEAD, "closed": False}, time.monotonic() + for_s)


async def catch_up(pool: Pool) -> Followed:
    """The same of all that has fallen due by now, at the times at which it was due, although nothing of it is sent: for
    `after_restore`, which puts in doubt what was due.
    """
    return await _make(pool, {"ahead": timedelta(0), "closed": True}, math.inf)


async def _make(pool: Pool, how: dict[str, Any], until: float) -> Followed:
    """`closed`: of paused campaigns, too."""
    async with transaction(pool) as conn:
        owing = await fetch_all(conn, sql.streams_owing, how)
    made = stopped = 0
    turns = deque(owing)  # a batch each: nobody waits for the hundreds of thousands of another
    while turns and time.monotonic() < until:
        stream = turns.popleft()
        try:
            async with transaction(pool) as conn:
                batch, is_last = await _follow_up(conn, stream | how)
        except Exception:
            if how["closed"]:
                raise  # whoever restores a database has to know
            log.exception("a stream's follow-ups could not be made; those of others are", stream_id=stream["stream_id"])
            continue
        made, stopped = made + batch.made, stopped + batch.stopped
        if not is_last:
            turns.append(stream)
    return Followed(made, stopped)


async def _follow_up(conn: Conn, stream: Row) -> tuple[Followed, bool]:
    """A batch of a stream's; and whether it was the last."""
    workspace_id = stream["workspace_id"]
    await held.owe_something(conn, workspace_id)
    await streams.lock(conn, workspace_id, [stream["stream_id"]])
    campaign = await fetch_one(conn, sql.still_open, stream)
    if campaign is None:
        return Followed(), True
    rows = await fetch_all(conn, sql.owing, stream | {"limit": BATCH})
    if not rows:
        return Followed(), True
    following = [row for row in rows if row["step_id"] is not None and not row["suppressed"]]
    from_at = min([row["follow_at"] if stream["closed"] else row["now"] for row in rows])
    clocks = Clocks(of_kept(campaign["calendar"]), from_at)
    times = [due_of(row, clocks, from_at) for row in following]
    params = stream | {
        "ids": [row["id"] for row in following],
        "step_ids": [row["step_id"] for row in following],
        "ats": [each.at for each in times],
        "untils": [each.until for each in times],
    }
    made = (await fetch_exactly_one(conn, sql.make_follow_ups, params))["n"]
    suppressed = [row["id"] for row in rows if row["suppressed"]]
    await conn.execute(sql.owe_no_more, stream | {"ids": [row["id"] for row in rows], "suppressed": suppressed})
    await streams.settle(conn, workspace_id, [stream["stream_id"]])
    if times:
        await defer_wake_up(conn, stream["sender_id"], min(each.at for each in times))
    return Followed(made, len(suppressed)), len(rows) < BATCH


def due_of(row: Row, clocks: Clocks, not_before: datetime) -> Due:
    """When what follows an email leaves, at the earliest; `row` is as `owing` has it."""
    wait = Wait(row["wait"], row["business_days"], row["time_of_day"])
    return clocks.of(row["zone"]).due_from(row["sent_at"], wait, max(row["follow_at"], not_before))
