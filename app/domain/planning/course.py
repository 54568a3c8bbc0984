"""Plans against the ledger: what a sender's windows hold already, the course of a campaign through them, and giving
emails the times that it has for them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg.errors import LockNotAvailable

from app.db import LOCK_MS, Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.ledger import streams
from app.domain.planning.plan import HORIZON, Plan, plan
from app.domain.planning.slots import Limits, Room, hour_of
from app.errors import NotFound, PlanChanging
from app.sql import queries

sql = queries(__name__)

BATCH = 500  # emails that are moved in one transaction: it keeps others from their stream, and from planning


class SenderLoad(NamedTuple):
    """`now`: the database's clock; `taken`: what each window holds, used or planned; `own`: of that, what the campaign
    that is planned keeps there.
    """

    now: datetime
    hourly_limit: int
    taken: Counter[datetime]
    own: Counter[datetime]


@asynccontextmanager
async def planning(pool: Pool) -> AsyncGenerator[Conn]:
    """A transaction in which plans are read and written, as the service: row-level security would hide from the planner
    that an email is best found by its key. Who may ask for a plan, whoever asks has looked at.

    Raises PlanChanging where others hold for too long what it needs.
    """
    try:
        async with transaction(pool) as conn:
            await conn.execute(sql.careful_planning, {"lock_ms": str(LOCK_MS)})
            yield conn
    except LockNotAvailable:
        raise PlanChanging from None


async def lock_plan(conn: Conn, sender_id: int) -> None:
    """Make plans of a sender one at a time until the commit, since each counts what the others took.

    Comes before any row is locked. Raises PlanChanging when that takes longer than the transaction waits for locks.
    """
    try:
        await conn.execute(sql.lock_plan, {"sender_id": sender_id})
    except LockNotAvailable:
        raise PlanChanging from None


async def sender_load(
    conn: Conn,
    workspace_id: int,
    sender_id: int,
    *,
    campaign_id: int | None = None,
    except_campaign_ids: Sequence[int] = (),
) -> SenderLoad:
    """What a new plan of this sender, for this campaign, must respect. Campaigns that are left out do not count: they
    are planned again next.

    Raises NotFound when the user has no such sender.
    """
    params = {
        "workspace_id": workspace_id,
        "sender_id": sender_id,
        "campaign_id": campaign_id,
        "except_campaign_ids": list(except_campaign_ids),
        "horizon": HORIZON,
    }
    sender = await fetch_one(conn, sql.login_window_now, params)
    if sender is None:
        raise NotFound(f"no sender {sender_id}")
    planned = await fetch_all(conn, sql.planned_by_window, params)
    taken = Counter({row["window_start"]: row["planned"] for row in planned})
    taken[hour_of(sender["now"])] += sender["used"]
    own = Counter({row["window_start"]: row["own"] for row in planned if row["own"]})
    return SenderLoad(sender["now"], sender["hourly_limit"], taken, own)


class Course:
    """The times that a campaign's emails get, one after the other, and how the sender's windows fill up with them."""

    def __init__(self, campaign: Row, load: SenderLoad) -> None:
        self.now = load.now
        self.taken = load.taken
        self._delay = timedelta(milliseconds=campaign["delay_ms"])
        self._limits = Limits(load.hourly_limit, campaign_hourly=campaign["hourly_limit"], share=campaign["share_percent"])
        self._own = load.own.copy()
        self._own[hour_of(load.now)] += campaign["window_used"]
        # Where thousands are due at once, none of them moves to be due now.
        self.stays_due_at = None if self._delay else load.now
        self.begins_at = max(load.now, campaign["start_at"])
        self._at = self._first_at(campaign)

    def _first_at(self, campaign: Row) -> datetime:
        """A campaign under way keeps its distance from what was claimed last, as the exchange will."""
        free_at: datetime | None = campaign["free_at"]
        return self.begins_at if free_at is None else max(self.begins_at, min(free_at, self.begins_at + self._delay))

    def plan(self, count: int, horizon: timedelta | None = None) -> Plan:
        """The next emails; nothing of it is counted. Raises InvalidInput as `plan` does."""
        return plan(count, self._at, self._delay, Room(self._limits, self.taken, self._own), horizon=horizon)

    def times(self, count: int) -> list[datetime]:
        """Of the next emails, which the windows hold from now on."""
        if not count:
            return []
        made = self.plan(count)
        for run in made.runs:
            self.taken[hour_of(run.at)] += run.size
            self._own[hour_of(run.at)] += run.size
        self._at = made.last_at + self._delay
        return [run.at + number * self._delay for run in made.runs for number in range(run.size)]


async def read_course(
    conn: Conn,
    workspace_id: int,
    campaign_id: int,
    *,
    except_campaign_ids: Sequence[int] = (),
    changes: Mapping[str, object] | None = None,
    taken: Counter[datetime] | None = None,
) -> tuple[Row, Course]:
    """A campaign's stream, as it is or with `changes` of the campaign's columns, and its course from now on: through
    what its sender's windows hold, or what the course before it has left. Raises NotFound.
    """
    row = await fetch_one(conn, sql.plan_inputs, {"workspace_id": workspace_id, "campaign_id": campaign_id})
    if row is None:
        raise NotFound(f"no campaign {campaign_id}")
    campaign: Row = {**row, **(changes or {})}
    load = await sender_load(
        conn,
        workspace_id,
        row["sender_id"],
        campaign_id=campaign_id,
        except_campaign_ids=[campaign_id, *except_campaign_ids],
    )
    return campaign, Course(campaign, load if taken is None else load._replace(taken=taken))


async def check_plan(conn: Conn, workspace_id: int, campaign_id: int, changes: Mapping[str, object]) -> None:
    """Whether the campaign could be planned with `changes` (start_at, delay_ms, hourly_limit); writes nothing.

    Raises NotFound, and InvalidInput for a plan that would take years.
    """
    campaign, course = await read_course(conn, workspace_id, campaign_id, changes=changes)
    if campaign["scheduled"]:
        await asyncio.to_thread(course.plan, campaign["scheduled"], HORIZON)


async def move(
    conn: Conn, workspace_id: int, stream_id: int, ids: Sequence[int], times: Sequence[datetime], course: Course
) -> int:
    """Give a batch of emails of a stream, which is locked, the times that the course has for them; returns how many of
    them changed theirs.
    """
    params = {
        "workspace_id": workspace_id,
        "ids": list(ids),
        "ats": list(times),
        "from": course.begins_at,
        "stays_due_at": course.stays_due_at,
    }
    moved = (await conn.execute(sql.move_emails, params)).rowcount
    await streams.settle(conn, workspace_id, [stream_id])
    return moved


async def try_lock_plan(conn: Conn, sender_id: int) -> bool:
    """`lock_plan` without waiting: whether nobody else plans."""
    return (await fetch_exactly_one(conn, sql.try_lock_plan, {"sender_id": sender_id}))["is_ours"]
