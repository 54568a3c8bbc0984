"""Every hot query over a million emails: what its plan walks, how many pages it reads, and how long it takes.

The tests hold the same over 60,000 rows (`tests/sql/test_plans.py`); here are the sizes at which it counts. A query
that is renamed stops this with its name.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from app.db import LOCK_MS, STATEMENT_MS, Conn, Pool, Row, fetch_all, fetch_exactly_one, open_pool, sql, transaction
from app.sql import read_all
from bench.api import api
from bench.dashboard import Dashboard
from bench.filling import Filled, fill
from bench.registry import Failed, Figure, Run, bench
from bench.service import server
from worker.__main__ import PLANNER_OPTIONS

EMAILS = 1_000_000
LANES = 64
LOOKS = 40
BIG = ("emails", "attempts")
NO_FILTER = {"status": None, "campaign_id": None, "sender_id": None}


class Hot(NamedTuple):
    """A query, how many pages (8 kB) it may look at, and what its parameters have other than `_fixed`."""

    name: str
    buffers: int
    more: dict[str, Any] = {}  # noqa: RUF012 -- never changed

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.more.items() if value is not None)])


# Of the worker: 64 emails are reported and 64 claimed, each in its row, its attempt and half a dozen indexes.
WORKERS = (
    Hot("recover", 1500),  # before exchange, which leaves dead index entries behind: its statement is undone
    Hot("exchange", 5000),
    Hot("outlook", 200),
    Hot("held_claims", 500),
    Hot("neglected_senders", 1000),
    Hot("open_streams", 200),
    Hot("campaign_content", 50),
    Hot("waiting_in_vain", 500),
)
# Of a workspace, under row-level security. A page is 50 emails.
USERS = (
    Hot("newest_campaigns", 600, NO_FILTER),
    Hot("campaigns_by_id", 600, {"ids": "campaigns"}),
    Hot("senders_of_campaigns", 600, {"ids": "campaigns"}),
    Hot("list_senders", 150, {"sender_id": None}),
    Hot("hourly_stats", 100, {"sender_id": None}),
    Hot("campaign_progress", 200, {"campaign_id": None}),
    Hot("email_span", 100, NO_FILTER),
    Hot("email_summaries", 1500),
    Hot("get_email", 50),
    Hot("texts_of_emails", 1500),
    Hot("attempts_of_email", 20),
    *(
        Hot("page_of_emails", 300, NO_FILTER | {"status": status} | by)
        for status in (None, "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED")
        for by in ({}, {"campaign_id": "its"}, {"sender_id": "its"})
    ),
    *(
        Hot("page_of_waiting", 300, NO_FILTER | {"status": "SCHEDULED"} | by)
        for by in ({}, {"campaign_id": "its"}, {"sender_id": "its"})
    ),
    Hot("undecided_emails", 300, {"status": "FAILED"}),
    Hot("undecided_emails", 300, {"status": "UNKNOWN"}),
)


@bench("plans", only_if_named=True)
def plans(run: Run) -> Iterator[Figure]:
    """Plans and times of every hot query over 1,000,000 emails; fails when one walks a table or reads too much."""
    broken: list[str] = []
    with server(run.directory) as postgres:
        filled = fill(postgres.url, run.emails or EMAILS)
        for figure, faults in asyncio.run(_explain_all(postgres.url, filled)):
            broken += [f"{figure.what}: {fault}" for fault in faults]
            yield figure
    if broken:
        raise Failed("these queries do not do as they should:\n" + "\n".join(broken))


@bench("lists", only_if_named=True)
def lists(run: Run) -> Iterator[Figure]:
    """List and campaign pages through the API over 1,000,000 emails, nothing else at work."""
    with server(run.directory) as postgres:
        filled = fill(postgres.url, run.emails or EMAILS)
        with api(postgres.url, filled.key) as (client, _):
            dashboard = Dashboard(client, filled.campaign_id, filled.sender_id)
            dashboard.look()  # whatever is read from disk first
            dashboard.took_ms.clear()
            for _ in range(LOOKS):
                dashboard.look()
        yield from dashboard.figures()


async def _explain_all(url: str, filled: Filled) -> list[tuple[Figure, list[str]]]:
    found: list[tuple[Figure, list[str]]] = []
    async with await open_pool(url, options=PLANNER_OPTIONS) as pool:
        params = await _fixed(pool, filled)
        found += [await _explained(pool, None, hot, params) for hot in WORKERS]
    async with await open_pool(url) as pool:
        found += [await _explained(pool, filled.workspace_id, hot, params) for hot in USERS]
    return found


async def _fixed(pool: Pool, filled: Filled) -> dict[str, Any]:
    """Parameters of all the queries; a live worker holds 64 emails of the campaign, a dead one 5."""
    token = uuid4()
    async with pool.connection() as conn:
        await conn.execute("SELECT set_config('plan_cache_mode', 'auto', false)")
        await conn.execute(
            "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'bench', now() + interval '1 hour')", [token]
        )
        held = await _hold(conn, filled, token, LANES)
        await _hold(conn, filled, uuid4(), 5)
        campaigns = await fetch_all(conn, b"SELECT id FROM campaigns ORDER BY id DESC LIMIT 50")
        streams = await fetch_all(conn, b"SELECT id FROM streams WHERE sending > 0 ORDER BY id")
    everything = filled._asdict() | {"token": token, "wanted": LANES, "lease_s": 20.0}
    everything |= {"max_attempts": None, "retry_for_hours": 96.0, "accepted_ago_s": 0.0}
    everything |= {"outcomes": json.dumps([{"id": id, "kind": "ACCEPTED", "code": 250} for id in held])}
    everything |= {
        "email_id": held[0],
        "ids": held[:50],
        "within_s": 10.0,
        "looked_after": [],
        "status": None,
        "before": None,
    }
    everything |= {"limit": 51, "after": None, "after_at": datetime(1, 1, 1, tzinfo=UTC), "after_id": 0}
    everything |= {"campaigns": [row["id"] for row in campaigns], "stream_ids": [row["id"] for row in streams]}
    everything |= {"step_id": None, "variant_id": None, "direct": False, "failed_for": None, "archived": False}
    return everything | {"q": None, "hours": 48}


async def _hold(conn: Conn, filled: Filled, token: object, count: int) -> list[int]:
    """Let a worker hold emails of the campaign; gives their ids."""
    rows = await fetch_all(
        conn,
        b"WITH held AS (UPDATE emails SET status = 'SENDING', claim_token = %(token)s, claimed_at = now()"
        b" WHERE workspace_id = %(workspace_id)s AND id IN (SELECT id FROM emails WHERE workspace_id = %(workspace_id)s"
        b" AND campaign_id = %(campaign_id)s AND status = 'SCHEDULED' ORDER BY scheduled_at, id LIMIT %(count)s)"
        b" RETURNING id),"
        b" counted AS (UPDATE streams SET scheduled = scheduled - %(count)s, sending = sending + %(count)s"
        b" WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s)"
        b" SELECT id FROM held",
        filled._asdict() | {"token": token, "count": count},
    )
    return [row["id"] for row in rows]


async def _explained(pool: Pool, workspace_id: int | None, hot: Hot, fixed: dict[str, Any]) -> tuple[Figure, list[str]]:
    """The query's time and buffers, its statement undone; and the faults of its plan."""
    named = {"its": fixed, "campaigns": {"ids": fixed["campaigns"]}}
    params = fixed | {key: named[value][key] if value in named else value for key, value in hot.more.items()}
    queries = read_all()
    text = queries[hot.name]
    if b"%(first_id)s" in text:
        async with transaction(pool, workspace_id) as conn:
            params |= await fetch_exactly_one(conn, queries["email_span"], params)
    explain = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + text
    async with pool.connection() as conn:
        await _undone(conn, workspace_id, explain, params)  # once for what it needs from disk and of the catalogue
        before = await _looked_at(conn)
        (explained,) = (await _undone(conn, workspace_id, explain, params))["QUERY PLAN"]
        buffers = await _looked_at(conn) - before
    faults = [f"walks all of {table}" for table in _walked(explained["Plan"])]
    if buffers > hot.buffers:
        faults.append(f"looks at {buffers:,} buffers, {hot.buffers:,} at most expected")
    note = f"{buffers:,} buffers of {hot.buffers:,} allowed"
    return Figure(str(hot), explained["Execution Time"], "ms", note), faults


async def _undone(conn: Conn, workspace_id: int | None, text: bytes, params: dict[str, Any]) -> Row:
    async with conn.transaction(force_rollback=True):
        if workspace_id is not None:
            tenant = {"workspace_id": str(workspace_id), "lock_ms": str(LOCK_MS), "statement_ms": str(STATEMENT_MS)}
            await conn.execute(sql.become_tenant, tenant)
        return await fetch_exactly_one(conn, text, params)


async def _looked_at(conn: Conn) -> int:
    """Buffers this connection has looked at so far: EXPLAIN leaves out statements in WITH that nothing reads."""
    await conn.execute("SELECT pg_stat_force_next_flush()")
    text = b"SELECT sum(hits + reads)::bigint AS n FROM pg_stat_get_backend_io(pg_backend_pid())"
    return (await fetch_exactly_one(conn, text))["n"]


def _walked(node: dict[str, Any]) -> Iterator[str]:
    """Big tables that a plan scans from end to end."""
    if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in BIG:
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from _walked(child)
