"""Recovery from workers that died, which leave emails in doubt, and mailboxes that nobody reads."""

from __future__ import annotations

from app.db import Conn, Row, fetch_all
from app.sql import queries

sql = queries(__name__)


async def recover(conn: Conn, max_attempts: int | None) -> list[Row]:
    """Put in doubt what dead workers were sending, and forget them; returns the ids of email, campaign and sender."""
    async with conn.transaction():
        streams = [row["id"] for row in await fetch_all(conn, sql.lock_streams_of_lost)]
        params = {"max_attempts": max_attempts, "stream_ids": streams}
        lost = await fetch_all(conn, sql.recover, params) if streams else []
        await conn.execute(sql.forget_dead_workers)
    return lost
