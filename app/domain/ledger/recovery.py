"""Recovery from workers that died, which leave emails in doubt, and mailboxes that nobody reads."""

from __future__ import annotations

from typing import NamedTuple

import structlog
from psycopg import DataError, IntegrityError

from app.db import Conn, Row, fetch_all
from app.sql import queries

sql = queries(__name__)
log = structlog.get_logger()


class Recovered(NamedTuple):
    """Emails in doubt, each with its campaign and sender; and streams of which the ledger refused that."""

    in_doubt: list[Row]
    refused: list[int]


async def recover(conn: Conn, max_attempts: int | None) -> Recovered:
    """Put in doubt what dead workers were sending, and forget them. A stream of which the ledger refuses that keeps no
    other from it; the next call tries it again.
    """
    async with conn.transaction():
        found = await fetch_all(conn, sql.lock_streams_of_lost)
        # Each by itself would lock the campaigns that end in this order, as everybody does.
        streams = [row["id"] for row in sorted(found, key=lambda row: (row["campaign_id"], row["id"]))]
        recovered = Recovered([], [])
        if streams:
            try:
                recovered = Recovered(await _recover(conn, streams, max_attempts), [])
            except (IntegrityError, DataError):
                recovered = await _recover_each(conn, streams, max_attempts)
        await conn.execute(sql.forget_dead_workers)
    return recovered


async def _recover_each(conn: Conn, streams: list[int], max_attempts: int | None) -> Recovered:
    recovered = Recovered([], [])
    for stream_id in streams:
        try:
            recovered.in_doubt.extend(await _recover(conn, [stream_id], max_attempts))
        except (IntegrityError, DataError):
            log.exception("a stream could not be recovered; others were", stream_id=stream_id)
            recovered.refused.append(stream_id)
    return recovered


async def _recover(conn: Conn, streams: list[int], max_attempts: int | None) -> list[Row]:
    async with conn.transaction():
        return await fetch_all(conn, sql.recover, {"max_attempts": max_attempts, "stream_ids": streams})
