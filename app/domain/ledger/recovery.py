"""What workers that died leave behind: emails in doubt."""

from __future__ import annotations

from app.db import Conn, Row, fetch_all
from app.sql import queries

sql = queries(__name__)


async def recover(conn: Conn, max_attempts: int | None) -> list[Row]:
    """Put in doubt what dead workers were sending, and forget them; returns the ids of email, campaign and sender."""
    lost = await fetch_all(conn, sql.recover, {"max_attempts": max_attempts})
    await conn.execute(sql.forget_dead_workers)
    return lost
