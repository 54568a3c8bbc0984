"""Emails planned for the next hours, over all campaigns."""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.db import Pool, fetch_all, transaction
from app.errors import InvalidInput
from app.sql import queries

sql = queries(__name__)

MAX_HOURS = 24 * 31
MOST_CAMPAIGNS = 100


class PlannedHour(msgspec.Struct, rename="camel"):
    """How many emails are planned for the clock hour that begins at `start`."""

    start: datetime
    count: int


class PlannedCampaign(msgspec.Struct, rename="camel"):
    """Of the hours asked for: how many emails, and when the first and the last of them go."""

    campaign_id: int
    name: str
    count: int
    first_at: datetime
    last_at: datetime


class Planned(msgspec.Struct, rename="camel"):
    """`campaigns`: the first 100 to go; `others`: how many more there are."""

    hours: list[PlannedHour]
    campaigns: list[PlannedCampaign]
    others: int


async def planned(
    pool: Pool, workspace_id: int, hours: int, campaign_id: int | None = None, sender_id: int | None = None
) -> Planned:
    """Emails of active campaigns that wait for the next hours, overdue ones in the first. Raises InvalidInput."""
    if not 1 <= hours <= MAX_HOURS:
        raise InvalidInput({"hours": f"is out of range; give 1 to {MAX_HOURS}"})
    params = {"workspace_id": workspace_id, "hours": hours, "campaign_id": campaign_id, "sender_id": sender_id}
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.planned, params)
    by_hour: dict[datetime, PlannedHour] = {}
    campaigns: dict[int, PlannedCampaign] = {}
    for row in rows:
        by_hour.setdefault(row["start"], PlannedHour(row["start"], 0)).count += row["planned"]
        new = PlannedCampaign(row["campaign_id"], row["name"], 0, row["first_at"], row["last_at"])
        campaign = campaigns.setdefault(row["campaign_id"], new)
        campaign.count += row["planned"]
        campaign.first_at = min(campaign.first_at, row["first_at"])
        campaign.last_at = max(campaign.last_at, row["last_at"])
    soonest = sorted(campaigns.values(), key=lambda each: (each.first_at, each.campaign_id))
    return Planned(list(by_hour.values()), soonest[:MOST_CAMPAIGNS], max(0, len(soonest) - MOST_CAMPAIGNS))
