"""The audit log: who did what, when, from where. Written in the transaction of what it records."""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.db import Conn, Pool, fetch_all, transaction
from app.domain.accounts.client import Visitor
from app.domain.pages import Page, PageRequest, page_of
from app.sql import queries

sql = queries(__name__)


class Entry(msgspec.Struct, rename="camel"):
    """`subject` is what it was done to, such as `senders/7`."""

    id: int
    at: datetime
    action: str
    subject: str
    address: str
    user_agent: str


async def record(conn: Conn, user_id: int, visitor: Visitor, action: str, subject: str = "") -> None:
    """Note that the user did `action`."""
    await conn.execute(
        sql.insert_audit,
        {
            "user_id": user_id,
            "action": action,
            "subject": subject,
            "address": visitor.address,
            "user_agent": visitor.user_agent[:500],
        },
    )


async def list_entries(pool: Pool, user_id: int, page: PageRequest) -> Page[Entry]:
    """The user's own log, newest first."""
    before = page.check()
    async with transaction(pool, user_id) as conn:
        rows = await fetch_all(conn, sql.list_audit, {"user_id": user_id, "before": before, "limit": page.limit + 1})
    return page_of([Entry(**row) for row in rows], [row["id"] for row in rows], page.limit)
