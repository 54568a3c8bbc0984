"""Query plans: tables with many rows that must not be walked, and what a query touches of them."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from app.db import Conn, Pool, fetch_exactly_one, transaction
from app.domain.accounts.users import User
from app.sql import read_all
from tests.support.ledger import insert_campaign

QUERIES = read_all()
WAITING = 20_000


# Else Postgres may count the rows by itself while a test wants them uncounted.
NEVER_COUNTED = """
DO $$
DECLARE counted regclass;
BEGIN
    FOR counted IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', counted);
    END LOOP;
END $$
"""


async def fill(pool: Pool, user: User) -> dict[str, Any]:
    async with transaction(pool) as conn:
        await conn.execute(NEVER_COUNTED)
        campaign_id, sender_id = await insert_campaign(conn, user.workspace_id, ["SCHEDULED"] * WAITING)
        stream = await fetch_exactly_one(conn, b"SELECT id FROM streams")
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"] * WAITING, status="PAUSED")
        await insert_campaign(conn, user.workspace_id, ["SENT"] * WAITING)
        await conn.execute(
            "INSERT INTO login_windows (workspace_id, login_id, window_start, allowed)"
            " SELECT workspace_id, id, this_hour(), hourly_limit FROM logins WHERE workspace_id = %s",
            (user.workspace_id,),
        )
        token = uuid4()
        await conn.execute(
            "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'test', now() + interval '1 hour')", (token,)
        )
        await conn.execute(
            "INSERT INTO suppressions (workspace_id, key, kind, name, reason)"
            " SELECT %s, address_digest('gone' || n || '@example.org'), 'ADDRESS', 'gone' || n, 'MANUAL'"
            " FROM generate_series(1, %s) n",
            (user.workspace_id, WAITING),
        )
        await conn.execute(
            "INSERT INTO suppressions (workspace_id, key, kind, name, reason)"
            " VALUES (%s, address_digest('@example.net'), 'DOMAIN', 'example.net', 'MANUAL')",
            (user.workspace_id,),
        )
    return {
        "workspace_id": user.workspace_id,
        "sender_id": sender_id,
        "campaign_id": campaign_id,
        "stream_id": stream["id"],
        "stream_ids": [stream["id"]],
        "email_id": 1,
        "ids": [1],
        "token": token,
        "wanted": 10,
        "outcomes": '[{"id": 1, "kind": "ACCEPTED"}]',
        "max_attempts": None,
        "retry_for_hours": 96.0,
        "accepted_ago_s": 0.0,
        "lease_s": 20.0,
        "within_s": 10.0,
        "looked_after": [],
        "status": None,
        "failed_for": None,
        "before": None,
        "limit": 50,
        "q": None,
        "direct": False,
    }


async def explained(conn: Conn, name: str, parameters: dict[str, Any]) -> str:
    """The plan with what each node really did, of a statement that is then undone."""
    async with conn.transaction(force_rollback=True):
        rows = await conn.execute(b"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + QUERIES[name], parameters)
        return "\n".join(row["QUERY PLAN"] for row in await rows.fetchall())


async def analyze(pool: Pool) -> None:
    async with pool.connection() as conn:
        await conn.execute("ANALYZE")


def rows_touched(plan: str) -> int:
    """The most rows that one loop of any node gave or threw away."""
    given = re.findall(r"actual rows=(\d+)", plan)
    thrown = re.findall(r"Rows Removed by (?:Filter|Index Recheck|Join Filter): (\d+)", plan)
    return max(map(int, given + thrown))


async def pages_read(conn: Conn, name: str, parameters: dict[str, Any]) -> int:
    """How many pages the query looks at."""
    async with conn.transaction(force_rollback=True):
        explain = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + QUERIES[name]
        await conn.execute(explain, parameters)  # once for what is read of the catalogue
    async with conn.transaction(force_rollback=True):
        found = await fetch_exactly_one(conn, explain, parameters)
    (explained,) = found["QUERY PLAN"]
    return explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"]
