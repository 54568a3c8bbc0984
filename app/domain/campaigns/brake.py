"""The brake: a campaign of which too many recipients do not exist pauses itself, before it ruins its senders' names.

Once 50 recipients were written to, it counts how many of them do not exist as servers say (`streams.bounced`). Once a
person has resumed it, it counts anew.
"""

from __future__ import annotations

from app.db import Pool, Row, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import WORKER
from app.domain.campaigns.campaigns import lock_campaign, set_status
from app.domain.each import each_by_itself
from app.domain.planning import changes
from app.domain.workspaces import audit
from app.sql import queries

sql = queries(__name__)

FIRST = 50  # of so few, one or two say nothing


async def brake(pool: Pool) -> dict[int, str]:
    """Pause those that have to be; why, by campaign."""
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.bouncing, {"first": FIRST})
    braked: dict[int, str] = {}
    with each_by_itself() as one:
        for row in found:
            with one():
                if (why := await _brake(pool, row)) is not None:
                    braked[row["campaign_id"]] = why
    return braked


async def _brake(pool: Pool, row: Row) -> str | None:
    """Why the campaign was paused; None: it need not be any more."""
    workspace_id, campaign_id = row["workspace_id"], row["campaign_id"]
    async with transaction(pool) as conn:
        campaign = await lock_campaign(conn, workspace_id, campaign_id)
        counts = await fetch_one(conn, sql.bounces_of, row | {"first": FIRST})
        if campaign["status"] != "ACTIVE" or counts is None:
            return None
        share = 100 * counts["bounced"] / counts["gone"]
        why = (
            f"{counts['bounced']:,} of {counts['gone']:,} recipients do not exist, as their servers say:"
            f" {share:.1f} %, and the workspace's limit is {counts['bounce_limit']} %"
        )
        await set_status(conn, workspace_id, campaign_id, "PAUSED")
        await conn.execute(sql.note_brake, row | {"why": why})
        await changes.free_room(conn, workspace_id, campaign["stream_ids"], except_campaign_id=campaign_id)
        await audit.record(conn, WORKER, workspace_id, "campaign.braked", f"campaigns/{campaign_id}")
    return why
