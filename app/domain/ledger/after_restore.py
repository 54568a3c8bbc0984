"""After the database was restored to an earlier moment: nothing goes out by itself.

The restored ledger does not know what was sent after that moment. What it still takes for waiting may have arrived
long ago, and would be sent once more. So every campaign is paused, and what was due by now, or being sent, is in
doubt, whatever the campaign's `onUnknown` says: a policy for the odd lost answer is none for a lost day.
"""

from __future__ import annotations

from typing import NamedTuple

from app.db import Pool, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.workspaces import audit
from app.errors import Conflict
from app.sql import queries

sql = queries(__name__)

BATCH = 5_000


class Held(NamedTuple):
    """A campaign that does not go on by itself: how many of its emails are in doubt now, how many wait for later."""

    campaign_id: int
    name: str
    in_doubt: int
    waiting: int


async def hold_all(pool: Pool) -> list[Held]:
    """Pause every campaign and put in doubt what may have been sent already.

    Campaigns are paused first, so whatever dies in between leaves nothing that goes out; repeating it finishes it.
    Raises Conflict while a worker lives.
    """
    async with transaction(pool) as conn:
        if live := await fetch_all(conn, sql.live_workers):
            names = ", ".join(row["name"] for row in live)
            raise Conflict(f"a worker is at work ({names}); stop it, or wait until its lease is over, and repeat this")
        for row in await fetch_all(conn, sql.pause_all):
            await audit.record(conn, LOCAL, row["workspace_id"], "campaign.hold", f"campaigns/{row['id']}")
    async with transaction(pool) as conn:
        campaigns = await fetch_all(conn, sql.campaigns_to_hold)
    return [
        await _hold(pool, row["workspace_id"], Held(row["id"], row["name"], 0, row["scheduled"])) for row in campaigns
    ]


async def _hold(pool: Pool, workspace_id: int, held: Held) -> Held:
    params = {"workspace_id": workspace_id, "campaign_id": held.campaign_id, "batch": BATCH}
    while True:
        async with transaction(pool) as conn:
            row = await fetch_one(conn, sql.hold_emails, params)
            if row is None:
                return held
            held = held._replace(in_doubt=held.in_doubt + row["held"], waiting=row["waiting"])
            subject = f"campaigns/{held.campaign_id}, {row['held']} emails in doubt"
            await audit.record(conn, LOCAL, workspace_id, "campaign.hold", subject)
