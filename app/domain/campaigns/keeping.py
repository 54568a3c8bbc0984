"""Campaigns that are over: archived, and back at will; deleted, with their emails and texts.

Emails that a deleted campaign sent stay in the counts, and suppressions that it led to stay. Its emails go in batches,
each a transaction: a first one at once, the rest by a worker.
"""

from __future__ import annotations

import time

from app.db import Pool, Row, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.campaigns.campaigns import Campaign, lock_campaign, read_campaign
from app.domain.workspaces import audit
from app.errors import Conflict
from app.sql import queries

sql = queries(__name__)

BATCH = 1_000  # emails


async def archive(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor, *, archived: bool) -> Campaign:
    """Out of the list, or back in it; repeating it is harmless. Raises NotFound, Conflict for one that is not over."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "archived": archived}
    async with transaction(pool, workspace_id) as conn:
        campaign = await lock_campaign(conn, workspace_id, campaign_id)
        if archived:
            _check_over(campaign, "archived")
        if (await fetch_exactly_one(conn, sql.set_archived, params))["n"]:
            action: audit.Action = "campaign.archived" if archived else "campaign.unarchived"
            await audit.record(conn, actor, workspace_id, action, f"campaigns/{campaign_id}")
        return await read_campaign(conn, workspace_id, campaign_id)


async def delete(pool: Pool, workspace_id: int, campaign_id: int, actor: Actor) -> None:
    """Raises NotFound, Conflict for one that is not over."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    async with transaction(pool, workspace_id) as conn:
        campaign = await lock_campaign(conn, workspace_id, campaign_id)
        _check_over(campaign, "deleted")
        if (await fetch_exactly_one(conn, sql.still_moves, params))["moves"]:
            raise Conflict("something of the campaign is still being sent or cancelled; ask again in a minute")
        await conn.execute(sql.delete_campaign, params)
        for text in (
            sql.forget_contents,
            sql.forget_step_contents,
            sql.forget_steps,
            sql.forget_variants,
            sql.forget_variant_contents,
            sql.forget_domain_stops,
            sql.forget_signatures,
        ):
            await conn.execute(text, params)
        await audit.record(conn, actor, workspace_id, "campaign.deleted", f"campaigns/{campaign_id}")
    await remove_deleted(pool)


async def remove_deleted(pool: Pool) -> int:
    """Remove a batch of emails of a deleted campaign; how many; 0: there are none."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.remove_emails_of_deleted_campaign, {"batch": BATCH})
    return 0 if row is None else row["removed"]


async def remove_all_deleted(pool: Pool, *, for_s: float = 2.0) -> int:
    """The same batch by batch, for so long: the next sweep goes on. How many."""
    until = time.monotonic() + for_s
    total = 0
    while time.monotonic() < until and (removed := await remove_deleted(pool)):
        total += removed
    return total


def _check_over(campaign: Row, what: str) -> None:
    if campaign["status"] not in {"FINISHED", "CANCELLED"}:
        raise Conflict(f"the campaign is {campaign['status']}; only one that is over can be {what}: cancel it first")
