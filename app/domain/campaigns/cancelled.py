"""Why emails of a campaign were cancelled, in numbers."""

from __future__ import annotations

import msgspec

from app.db import Pool, fetch_all, transaction
from app.domain.ledger.emails import CancelReason
from app.errors import NotFound
from app.sql import queries

sql = queries(__name__)


class Cancelled(msgspec.Struct, rename="camel"):
    """How many were for this reason."""

    reason: CancelReason
    count: int


class CancelledBy(msgspec.Struct, rename="camel"):
    """The most first."""

    items: list[Cancelled]


async def of_campaign(pool: Pool, workspace_id: int, campaign_id: int) -> CancelledBy:
    """Raises NotFound."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.count_cancelled, params)
    if not rows:
        raise NotFound(f"no campaign {campaign_id}")
    return CancelledBy([Cancelled(**row) for row in rows if row["reason"] is not None])
