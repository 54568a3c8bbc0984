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
from app.domain.plan import Plan, plan, window_of
from app.errors import NotFound
from app.sql import query

LOCK_PLAN = query("lock_plan")
SENDER_WINDOW_NOW = query("sender_window_now")
PLANNED_BY_WINDOW = query("planned_by_window")
OWN_PLANNED_BY_WINDOW = query("own_planned_by_window")
PLAN_INPUTS = query("plan_inputs")
REPLAN_EMAILS = query("replan_emails")
ACTIVE_CAMPAIGNS = query("active_campaigns")


class SenderLoad(NamedTuple):
    """`now`: the database's clock; `taken`: what each window holds, used or planned."""

    now: datetime
    hourly_limit: int
    taken: Counter[datetime]


async def sender_load(
    conn: Conn, user_id: int, sender_id: int, *, except_campaign_ids: Sequence[int] = (), lock: bool = True
) -> SenderLoad:
    """What a new plan of this sender must respect; with `lock`, nobody else plans for it until the commit.

    Raises NotFound when the user has no such sender.
    """
    params = {"user_id": user_id, "sender_id": sender_id, "except_campaign_ids": list(except_campaign_ids)}
    if lock:
        await conn.execute(LOCK_PLAN, params)
    sender = await fetch_one(conn, SENDER_WINDOW_NOW, params)
    if sender is None:
        raise NotFound(f"no sender {sender_id}")
    taken = Counter({row["window_start"]: row["planned"] for row in await fetch_all(conn, PLANNED_BY_WINDOW, params)})
    taken[window_of(sender["now"])] += sender["used"]
    return SenderLoad(sender["now"], sender["hourly_limit"], taken)


def plan_parameters(made: Plan, delay_ms: int) -> dict[str, object]:
    """A plan as parameters of the queries that spread it over rows."""
    return {
        "firsts": [run.first for run in made.runs],
        "counts": [run.size for run in made.runs],
        "ats": [run.at for run in made.runs],
        "delay_ms": delay_ms,
    }


async def replan(
    conn: Conn, user_id: int, campaign_id: int, *, due_only: bool = False, ahead_of: Sequence[int] = ()
) -> datetime | None:
    """Plan the campaign's waiting emails again from now (or its start), keeping their order.

    With `due_only`, just what is due by now moves, around what is planned later: that is overflow. Campaigns in
    `ahead_of` do not count: they are planned again next. Returns the first new time, or None when nothing waits.
    """
    campaign = await fetch_one(
        conn, PLAN_INPUTS, {"user_id": user_id, "campaign_id": campaign_id, "due_only": due_only}
    )
    if campaign is None:
        raise NotFound(f"no campaign {campaign_id}")
    load = await sender_load(conn, user_id, campaign["sender_id"], except_campaign_ids=[campaign_id, *ahead_of])
    own: Counter[datetime] = Counter()
    if due_only:
        rows = await fetch_all(conn, OWN_PLANNED_BY_WINDOW, {"user_id": user_id, "campaign_id": campaign_id})
        own.update({row["window_start"]: row["planned"] for row in rows})
    return await _replan(conn, user_id, campaign, load, own, due_only=due_only)


async def _replan(
    conn: Conn, user_id: int, campaign: Row, load: SenderLoad, own: Mapping[datetime, int], *, due_only: bool
) -> datetime | None:
    count = campaign["due"] if due_only else campaign["scheduled"]
    if not count:
        return None
    own_taken = Counter(own)
    own_taken[window_of(load.now)] += campaign["window_used"]
    made = plan(
        count,
        max(load.now, campaign["start_at"]),
        timedelta(milliseconds=campaign["delay_ms"]),
        sender_limit=load.hourly_limit,
        sender_taken=load.taken + Counter(own),
        campaign_limit=campaign["hourly_limit"],
        campaign_taken=own_taken,
    )
    await conn.execute(
        REPLAN_EMAILS,
        {"user_id": user_id, "campaign_id": campaign["id"], "due_only": due_only}
        | plan_parameters(made, campaign["delay_ms"]),
    )
    return made.first_at


async def replan_sender(conn: Conn, user_id: int, sender_id: int) -> None:
    """Plan all active campaigns of a sender again, oldest first: its limit has changed."""
    rows = await fetch_all(conn, ACTIVE_CAMPAIGNS, {"user_id": user_id, "sender_id": sender_id})
    campaign_ids = [row["id"] for row in rows]
    for number, campaign_id in enumerate(campaign_ids, 1):
        await replan(conn, user_id, campaign_id, ahead_of=campaign_ids[number:])
