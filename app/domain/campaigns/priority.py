"""The order of a sender's campaigns: they are planned as they were scheduled, unless a person says otherwise."""

from __future__ import annotations

from app.db import Pool, fetch_all, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.campaigns.campaigns import Campaign, get_campaign, lock_campaign
from app.domain.planning import changes
from app.domain.workspaces import audit
from app.domain.workspaces.audit import Action
from app.errors import Conflict
from app.sql import queries

sql = queries(__name__)


async def put_first(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor = LOCAL) -> Campaign:
    """Plan the campaign before the others of its senders, also before those that were put first earlier.

    Raises NotFound, Conflict.
    """
    return await _put(pool, workspace_id, campaign_id, actor, "campaign.first")


async def put_first_no_longer(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor = LOCAL) -> Campaign:
    """Raises NotFound, Conflict."""
    return await _put(pool, workspace_id, campaign_id, actor, "campaign.not_first")


async def _put(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor, action: Action) -> Campaign:
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "ahead": action == "campaign.first"}
    async with transaction(pool, workspace_id) as conn:
        campaign = await lock_campaign(conn, workspace_id, campaign_id)
        if campaign["status"] not in {"ACTIVE", "PAUSED"}:
            raise Conflict(f"the campaign is {campaign['status']}; nothing of it has an order any more")
        await conn.execute(sql.put_ahead, params)
        senders = [row["sender_id"] for row in await fetch_all(conn, sql.senders_of_its_logins, params)]
        asked = await changes.ask_for_senders(conn, workspace_id, senders)
        await audit.record(conn, actor, workspace_id, action, f"campaigns/{campaign_id}")
    for sender_id in asked:
        await changes.plan_soon(pool, workspace_id, sender_id)
    return await get_campaign(pool, workspace_id, campaign_id)
