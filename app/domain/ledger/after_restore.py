"""After the database was restored to an earlier moment: nothing goes out by itself.

The restored ledger does not know what was sent after that moment. Emails that it still takes for waiting may have
arrived long ago, and would be sent once more; so may those that it owes. So every campaign is paused, and every email
that was due by now, or being sent, is in doubt, whatever the campaign's `onUnknown` says: a policy for the odd lost
answer is none for a lost day.
"""

from __future__ import annotations

from typing import NamedTuple

from app.db import Pool, Row, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.ledger import follow_ups, streams
from app.domain.ledger.refusals import lock_window
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
        await conn.execute(sql.close_all)
        for row in await fetch_all(conn, sql.pause_all):
            await audit.record(conn, LOCAL, row["workspace_id"], "campaign.hold", f"campaigns/{row['id']}")
    await follow_ups.catch_up(pool)
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.streams_to_hold)
    held: dict[int, Held] = {}
    for row in found:
        in_doubt, waiting = await _hold(pool, row)
        before = held.get(row["campaign_id"], Held(row["campaign_id"], row["name"], 0, 0))
        held[row["campaign_id"]] = before._replace(
            in_doubt=before.in_doubt + in_doubt, waiting=before.waiting + waiting
        )
    return list(held.values())


async def _hold(pool: Pool, stream: Row) -> tuple[int, int]:
    """How many emails of the stream are in doubt now, and how many wait for later."""
    workspace_id, sender_id, stream_id = stream["workspace_id"], stream["sender_id"], stream["stream_id"]
    in_doubt, waiting = 0, stream["scheduled"]
    while True:
        async with transaction(pool) as conn:
            await lock_window(conn, workspace_id, sender_id)
            await streams.lock(conn, workspace_id, [stream_id])
            row = await fetch_one(conn, sql.hold_emails, stream | {"batch": BATCH})
            if row is None:
                return in_doubt, waiting
            in_doubt, waiting = in_doubt + row["held"], row["waiting"]
            await streams.settle(conn, workspace_id, [stream_id])
            subject = f"campaigns/{stream['campaign_id']}, {row['held']} emails in doubt"
            await audit.record(conn, LOCAL, workspace_id, "campaign.hold", subject)
