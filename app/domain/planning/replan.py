"""Plans against the ledger: what a sender's windows hold already, and giving emails new times.

A plan is changed once per cause: a campaign resumed, a limit, delay or start changed, a worker away for long, a
window too full. All of them are one call: `replan`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from app.db import Conn, Row, fetch_all, fetch_one
from app.domain.planning.plan import HORIZON, Plan, plan, window_of
from app.errors import NotFound
from app.sql import queries

sql = queries(__name__)

OVERDUE_S = 60.0  # a spaced campaign later than this has lost its plan and gets a new one


class SenderLoad(NamedTuple):
    """`now`: the database's clock; `taken`: what each window holds, used or planned."""

    now: datetime
    hourly_limit: int
    taken: Counter[datetime]


async def lock_plan(conn: Conn, sender_id: int) -> None:
    """Make plans of a sender one at a time until the commit, since each counts what the others took.

    Comes before any row is locked: planning a large campaign takes seconds, and nothing else may wait for those.
    """
    await conn.execute(sql.lock_plan, {"sender_id": sender_id})


async def sender_load(
    conn: Conn,
    workspace_id: int,
    sender_id: int,
    *,
    except_campaign_ids: Sequence[int] = (),
    hourly_limit: int | None = None,
) -> SenderLoad:
    """What a new plan of this sender must respect; `hourly_limit` is one that it is about to get.

    Raises NotFound when the user has no such sender.
    """
    params = {"workspace_id": workspace_id, "sender_id": sender_id, "except_campaign_ids": list(except_campaign_ids)}
    sender = await fetch_one(conn, sql.sender_window_now, params)
    if sender is None:
        raise NotFound(f"no sender {sender_id}")
    planned = await fetch_all(conn, sql.planned_by_window, params)
    taken = Counter({row["window_start"]: row["planned"] for row in planned})
    taken[window_of(sender["now"])] += sender["used"]
    return SenderLoad(sender["now"], hourly_limit or sender["hourly_limit"], taken)


def plan_parameters(made: Plan, delay_ms: int) -> dict[str, object]:
    """A plan as parameters of the queries that spread it over rows."""
    return {
        "firsts": [run.first for run in made.runs],
        "counts": [run.size for run in made.runs],
        "ats": [run.at for run in made.runs],
        "delay_ms": delay_ms,
    }


async def replan(
    conn: Conn,
    workspace_id: int,
    campaign_id: int,
    *,
    ahead_of: Sequence[int] = (),
    sender_limit: int | None = None,
) -> datetime | None:
    """Plan the campaign's waiting emails again from now (or its start), keeping their order. Comes after `lock_plan`.

    The campaign's row is not to be written after this in the same transaction: emails that are being claimed stay
    locked by us until the commit, and an exchange that holds the campaign may be waiting for them. `sender_limit` is
    one that the sender is about to get. Campaigns in `ahead_of` do not count: they are planned again next.
    Returns the first new time, or None when nothing waits. Raises NotFound.
    """
    campaign = await _inputs(conn, workspace_id, campaign_id)
    load = await sender_load(
        conn,
        workspace_id,
        campaign["sender_id"],
        except_campaign_ids=[campaign_id, *ahead_of],
        hourly_limit=sender_limit,
    )
    return await _spread(conn, workspace_id, campaign, load, campaign["movable"], due_only=False)


async def check_plan(conn: Conn, workspace_id: int, campaign_id: int, changes: Mapping[str, object]) -> None:
    """Whether the campaign could be planned with `changes` (start_at, delay_ms, hourly_limit); writes nothing.

    Raises NotFound, and InvalidInput for a plan that would take years.
    """
    campaign: Row = {**await _inputs(conn, workspace_id, campaign_id), **changes}
    load = await sender_load(conn, workspace_id, campaign["sender_id"], except_campaign_ids=[campaign_id])
    if campaign["movable"]:
        _plan(campaign, load, campaign["movable"], HORIZON)


async def replan_sender(conn: Conn, workspace_id: int, sender_id: int, hourly_limit: int) -> None:
    """Plan all active campaigns of a sender again, oldest first: its limit is about to change."""
    rows = await fetch_all(conn, sql.active_campaigns, {"workspace_id": workspace_id, "sender_id": sender_id})
    campaign_ids = [row["id"] for row in rows]
    for number, campaign_id in enumerate(campaign_ids, 1):
        await replan(conn, workspace_id, campaign_id, ahead_of=campaign_ids[number:], sender_limit=hourly_limit)


async def mend(conn: Conn, workspace_id: int, sender_id: int, *, over_limit: bool) -> None:
    """Bring a sender's plans back to what can be.

    With `over_limit`, what is due moves to the next windows, in order and ahead of what is planned there: that will
    overflow in its turn by as much, so one deferred email does not wait behind a backlog of weeks, and the backlog is
    never rewritten. Otherwise, a spaced campaign that fell behind (its worker was away) is spaced anew.
    """
    await lock_plan(conn, sender_id)
    await conn.execute(sql.plan_freely)
    rows = await fetch_all(conn, sql.active_campaigns, {"workspace_id": workspace_id, "sender_id": sender_id})
    if over_limit:
        every = [row["id"] for row in rows]
        load = await sender_load(
            conn, workspace_id, sender_id, except_campaign_ids=every
        )  # `taken`: used up, nothing planned
        for row in rows:
            if row["late_s"] >= 0:
                campaign = await _inputs(conn, workspace_id, row["id"])
                await _spread(conn, workspace_id, campaign, load, campaign["due"], due_only=True)
    else:
        for row in rows:
            if row["delay_ms"] and (row["behind_s"] or 0) > OVERDUE_S:
                await replan(conn, workspace_id, row["id"])


async def _inputs(conn: Conn, workspace_id: int, campaign_id: int) -> Row:
    row = await fetch_one(conn, sql.plan_inputs, {"workspace_id": workspace_id, "campaign_id": campaign_id})
    if row is None:
        raise NotFound(f"no campaign {campaign_id}")
    return row


async def _spread(
    conn: Conn, workspace_id: int, campaign: Row, load: SenderLoad, count: int, *, due_only: bool
) -> datetime | None:
    """Give `count` emails their times, and count them in `load.taken`."""
    if not count:
        return None
    made = _plan(campaign, load, count)
    for run in made.runs:
        load.taken[window_of(run.at)] += run.size
    await conn.execute(
        sql.replan_emails,
        {
            "workspace_id": workspace_id,
            "campaign_id": campaign["id"],
            "due_only": due_only,
            "from": _start(campaign, load),
        }
        | plan_parameters(made, campaign["delay_ms"]),
    )
    return made.first_at


def _start(campaign: Row, load: SenderLoad) -> datetime:
    return max(load.now, campaign["start_at"])


def _plan(campaign: Row, load: SenderLoad, count: int, horizon: timedelta | None = None) -> Plan:
    return plan(
        count,
        _start(campaign, load),
        timedelta(milliseconds=campaign["delay_ms"]),
        sender_limit=load.hourly_limit,
        sender_taken=load.taken,
        campaign_limit=campaign["hourly_limit"],
        campaign_taken={window_of(load.now): campaign["window_used"]},
        horizon=horizon,
    )
