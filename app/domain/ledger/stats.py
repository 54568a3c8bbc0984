"""Figures for charts: what became of attempts, hour by hour."""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.bounds import YEARS
from app.db import Pool, fetch_all, fetch_exactly_one, transaction
from app.domain.campaigns.campaigns import counts_of
from app.errors import InvalidInput
from app.sql import queries

sql = queries(__name__)
MAX_HOURS = 24 * 31
DUE_AT_MOST = 10_000


class Totals(msgspec.Struct, rename="camel"):
    """Emails of all campaigns, by status. `undecided`: of those that FAILED, how many wait for a person's word. `due`:
    how many of active campaigns are due before the time asked for; 10,001 means more than 10,000.
    """

    counts: dict[str, int]
    undecided: int
    due: int


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


async def hourly(pool: Pool, workspace_id: int, hours: int, sender_id: int | None = None) -> list[Hour]:
    """The windows of the last `hours` hours in which something happened, oldest first. Raises InvalidInput."""
    if not 1 <= hours <= MAX_HOURS:
        raise InvalidInput({"hours": f"is out of range; give 1 to {MAX_HOURS}"})
    async with transaction(pool, workspace_id) as conn:
        params = {"workspace_id": workspace_id, "hours": hours, "sender_id": sender_id}
        return [Hour(**row) for row in await fetch_all(conn, sql.hourly_stats, params)]


async def totals(pool: Pool, workspace_id: int, due_before: datetime | None) -> Totals:
    """`due_before` None: due now. Raises InvalidInput."""
    if due_before is not None and (due_before.utcoffset() is None or not YEARS.allow(due_before.year)):
        years = f"{YEARS.least} to {YEARS.most}"
        raise InvalidInput({"dueBefore": f"give a time of the years {years} with its offset from UTC, or with Z"})
    async with transaction(pool, workspace_id) as conn:
        params = {"workspace_id": workspace_id, "due_before": due_before, "limit": DUE_AT_MOST + 1}
        row = await fetch_exactly_one(conn, sql.totals, params)
    return Totals(counts=counts_of(row), undecided=row["undecided"], due=row["due"])
