"""Streams: one campaign on one sender, which is what an exchange locks.

A transaction that makes, moves, stops or decides an email holds its stream, and locks in this order: the plan of the
sender, `owed` of the workspace (`suppressions`: to suppress, alone; to make something wait, with others), the login's
window, streams by id, `campaign_hours`, emails, campaigns by id, `plan_changes`, refusals, suppressions by key,
webhooks by id. Holds are read and changed under the login's window.

`next_due_at` is never later than the first email that waits: an exchange looks at no stream before that. Nor does an
email wait at or before (`passed_at`, `passed_id`), where it begins to look. `settle` says both anew after every change
but an exchange's own, and `heal` looks whether one was forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.db import Conn, Pool, Row, fetch_all, transaction
from app.domain.each import each_by_itself
from app.sql import queries

sql = queries(__name__)


async def lock(conn: Conn, workspace_id: int, stream_ids: Sequence[int]) -> None:
    """Hold the streams until the end of the transaction. Queries after that read the emails as they are."""
    await conn.execute(sql.lock_streams, {"workspace_id": workspace_id, "stream_ids": list(stream_ids)})


async def lock_of_campaign(conn: Conn, workspace_id: int, campaign_id: int) -> list[int]:
    """Hold all streams of a campaign; their ids."""
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    return _ids(await fetch_all(conn, sql.lock_streams_of_campaign, params))


async def lock_of_emails(conn: Conn, workspace_id: int, email_ids: Sequence[int]) -> list[int]:
    """Hold the streams of emails; their ids."""
    params = {"workspace_id": workspace_id, "ids": list(email_ids)}
    return _ids(await fetch_all(conn, sql.lock_streams_of_emails, params))


async def settle(conn: Conn, workspace_id: int, stream_ids: Sequence[int]) -> None:
    """After a change to emails of streams that we hold: when the first of each is due, and whether it may leave."""
    await conn.execute(sql.settle_streams, {"workspace_id": workspace_id, "stream_ids": list(stream_ids)})


async def finish_giving(conn: Conn, workspace_id: int, campaign_id: int) -> None:
    """Senders that are out of a campaign, whose streams we hold, go on with what they have begun once they have given
    all else to others.
    """
    await conn.execute(sql.finish_giving, {"workspace_id": workspace_id, "campaign_id": campaign_id})


async def heal(pool: Pool) -> list[int]:
    """Wake streams that would sleep past an email of theirs; their ids. Each is a fault of ours."""
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.streams_that_sleep)
    with each_by_itself() as one:
        for row in found:
            with one():
                async with transaction(pool) as conn:
                    await lock(conn, row["workspace_id"], [row["id"]])
                    await settle(conn, row["workspace_id"], [row["id"]])
    return _ids(found)


def _ids(rows: list[Row]) -> list[int]:
    return [row["id"] for row in rows]
