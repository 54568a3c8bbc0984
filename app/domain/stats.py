"""Figures for charts: what became of attempts, hour by hour."""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.db import Pool, fetch_all, transaction
from app.errors import InvalidInput
from app.sql import query

HOURLY_STATS = query("hourly_stats")
MAX_HOURS = 24 * 31


class Hour(msgspec.Struct, rename="camel"):
    """One window of one sender: `used` is what counts against its limit, the rest outcomes of attempts."""

    sender_id: int
    window_start: datetime
    used: int
    accepted: int
    rejected: int
    deferred: int
    released: int
    unknown: int


async def hourly(pool: Pool, user_id: int, hours: int, sender_id: int | None = None) -> list[Hour]:
    """The windows of the last `hours` hours in which something happened, oldest first. Raises InvalidInput."""
    if not 1 <= hours <= MAX_HOURS:
        raise InvalidInput({"hours": f"is out of range; give 1 to {MAX_HOURS}"})
    async with transaction(pool, user_id) as conn:
        params = {"user_id": user_id, "hours": hours, "sender_id": sender_id}
        return [Hour(**row) for row in await fetch_all(conn, HOURLY_STATS, params)]
