"""Room that answers free: follow-ups that nobody gets any more leave it, and new recipients move up.

Once a day, and when a person asks, what waits of a campaign with steps is planned again. The result tells when its last
new recipient is planned for, before and now.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from app.db import Conn, Pool, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.planning import changes
from app.domain.workspaces import audit
from app.errors import Conflict, NotFound
from app.jobs import defer_planning
from app.sql import queries

sql = queries(__name__)

AT_ONCE = 20  # campaigns of a sweep


class MovedUp(msgspec.Struct, rename="camel"):
    """When new recipients of the campaign last moved up into room that was freed, and who had them do it; null: never.
    `last_before`: when the last of them was planned for before that; `last_now`: when it is planned for now, null where
    none waits. `planning`: their times are being written.
    """

    at: datetime | None
    by: Literal["DAY", "PERSON"] | None
    last_before: datetime | None
    last_now: datetime | None
    planning: bool


async def moved_up(pool: Pool, workspace_id: int, campaign_id: int) -> MovedUp:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        return await _read(conn, workspace_id, campaign_id)


async def move_up(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor = LOCAL) -> MovedUp:
    """Because a person asks. Raises NotFound, Conflict."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "by_person": True}
    async with transaction(pool, workspace_id) as conn:
        campaign = await fetch_one(conn, sql.lock_to_move_up, params)
        if campaign is None:
            raise NotFound(f"no campaign {campaign_id}")
        if campaign["status"] != "ACTIVE" or not campaign["stepped"]:
            raise Conflict("only the new recipients of an active campaign with follow-ups move up into freed room")
        await conn.execute(sql.note_move, params)
        asked = await changes.ask_for_campaign(conn, workspace_id, campaign_id)
        await audit.record(conn, actor, workspace_id, "campaign.moved_up", f"campaigns/{campaign_id}")
    for sender_id in asked:
        await changes.plan_soon(pool, workspace_id, sender_id)
    return await moved_up(pool, workspace_id, campaign_id)


async def move_up_daily(pool: Pool) -> list[int]:
    """Have campaigns with steps planned again for which that was last done a day ago; their ids."""
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.not_moved_for_a_day, {"limit": AT_ONCE})
        asked: set[tuple[int, int]] = set()
        for row in found:
            params = {"workspace_id": row["workspace_id"], "campaign_id": row["campaign_id"], "by_person": False}
            await conn.execute(sql.note_move, params)
            of_campaign = await changes.ask_for_campaign(conn, row["workspace_id"], row["campaign_id"])
            asked |= {(sender_id, row["workspace_id"]) for sender_id in of_campaign}
        for sender_id, workspace_id in sorted(asked):  # by id, since each locks what it queues
            await defer_planning(conn, workspace_id, sender_id)
    return [row["campaign_id"] for row in found]


async def _read(conn: Conn, workspace_id: int, campaign_id: int) -> MovedUp:
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    if await fetch_one(conn, sql.campaign_there, params) is None:
        raise NotFound(f"no campaign {campaign_id}")
    row = await fetch_exactly_one(conn, sql.moved_up, params)
    by = None if row["at"] is None else "PERSON" if row["by_person"] else "DAY"
    return MovedUp(row["at"], by, row["last_before"], row["last_now"], row["planning"])
