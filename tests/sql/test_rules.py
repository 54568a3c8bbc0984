"""Rules that functions of the migrations say once: what they say, that nothing says it again, that it costs nothing."""

from __future__ import annotations

import re

import pytest

from app.db import Conn, Pool, fetch_all, fetch_exactly_one, transaction
from app.domain.accounts.users import User
from app.sql import read_all
from tests.sql.test_queries import FILES, UTILITIES, numbered
from tests.support.engine import execute, rows, value
from tests.support.ledger import insert_campaign

QUERIES = read_all()
EXPRESSIONS = ("hour_of", "this_hour", "used_this_hour", "doubt_becomes", "keeps_its_time")
TABLES = ("first_due", "campaign_counts", "waiting_of")
SAID_ONCE = ("date_trunc\\('hour'", "'assume_sent'", "THEN 'FINISHED'", "INTO procrastinate_jobs", "'campaign.fin")
USERS = sorted(
    name for name, text in QUERIES.items() if re.search(rf"\b({'|'.join(EXPRESSIONS + TABLES)})\(", text.decode())
)


async def test_every_function_says_what_it_is_for(pool: Pool) -> None:
    unsaid = await rows(
        pool,
        "SELECT proname FROM pg_proc WHERE pronamespace = current_schema::regnamespace"
        " AND proname NOT LIKE 'procrastinate%%' AND obj_description(oid, 'pg_proc') IS NULL",
    )
    assert unsaid == []


@pytest.mark.parametrize("role", [None, "reachinbox_tenant"])
async def test_the_planner_puts_the_rules_in_the_queries_own_place(pool: Pool, role: str | None) -> None:
    """A function that is called instead of put in place is opaque to indexes, and slow."""
    assert len(USERS) > 10
    async with pool.connection() as conn, conn.transaction(force_rollback=True):
        await conn.execute(QUERIES["stage_recipients"])
        if role:
            await conn.execute("SELECT set_config('role', %s, true)", [role])
        for name in sorted(set(USERS) - UTILITIES):
            if role and name in {"exchange", "neglected_senders", "recover"}:  # of workers, and the service's alone
                continue
            explained = await conn.execute(b"EXPLAIN (VERBOSE, GENERIC_PLAN) " + numbered(QUERIES[name]))
            plan = "\n".join(row["QUERY PLAN"] for row in await explained.fetchall())
            called = rf"\b({'|'.join(EXPRESSIONS)})\(|Function Scan on \S*({'|'.join(TABLES)})"
            assert not re.search(called, plan), name


def test_no_query_says_a_rule_again() -> None:
    for file in FILES:
        text = re.sub("--.*", "", file.read_text())
        for said in SAID_ONCE:
            assert not re.search(said, text), f"{file.name} says what a function of the migrations says: {said}"


@pytest.mark.parametrize(
    ("policy", "campaign", "attempts", "becomes"),
    [
        ("hold", "ACTIVE", 1, "UNKNOWN"),
        ("resend", "ACTIVE", 1, "SCHEDULED"),
        ("resend", "PAUSED", 4, "SCHEDULED"),
        ("resend", "ACTIVE", 5, "UNKNOWN"),
        ("resend", "CANCELLED", 1, "UNKNOWN"),
        ("assume_sent", "ACTIVE", 5, "SENT"),
        ("assume_sent", "CANCELLED", 1, "SENT"),
    ],
)
async def test_what_doubt_becomes(pool: Pool, policy: str, campaign: str, attempts: int, becomes: str) -> None:
    call = "SELECT doubt_becomes(%s::unknown_policy, %s::campaign_status, %s, 5)"
    assert await value(pool, call, policy, campaign, attempts) == becomes


@pytest.mark.parametrize(("hours_ago", "used"), [(0, 7), (1, 0), (-1, 7)])
async def test_what_was_used_of_this_hour(pool: Pool, hours_ago: int, used: int) -> None:
    """Of a later hour, too: another transaction that began after ours has opened it already."""
    call = "SELECT used_this_hour(this_hour() - make_interval(hours => %s), 7)"
    assert await value(pool, call, hours_ago) == used


@pytest.mark.parametrize(
    ("before", "scheduled", "sending", "after"),
    [
        ("ACTIVE", 0, 0, "FINISHED"),
        ("PAUSED", 0, 0, "FINISHED"),
        ("ACTIVE", 1, 0, "ACTIVE"),
        ("PAUSED", 0, 1, "PAUSED"),
        ("CANCELLED", 0, 0, "CANCELLED"),
    ],
)
async def test_what_finishes_a_campaign(
    pool: Pool, user: User, before: str, scheduled: int, sending: int, after: str
) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED", "SENDING"], status=before)
    async with transaction(pool, user.workspace_id) as conn:
        counts = {"scheduled": scheduled, "sending": sending, "sent": 2 - scheduled - sending}
        text = b"UPDATE streams SET scheduled = %(scheduled)s, sending = %(sending)s, sent = %(sent)s"
        await conn.execute(text, counts)
    ended = await rows(pool, "SELECT status, finished_at IS NOT NULL AS ended FROM campaigns")
    assert ended == [{"status": after, "ended": after == "FINISHED"}]


@pytest.mark.parametrize(("is_open", "after"), [(True, "ACTIVE"), (False, "PAUSED")])
async def test_a_finished_campaign_goes_on_with_what_waits_again(
    pool: Pool, user: User, is_open: bool, after: str
) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"])
    await execute(pool, "UPDATE streams SET scheduled = 0, failed = 1")
    assert await value(pool, "SELECT status FROM campaigns") == "FINISHED"
    await execute(pool, "UPDATE streams SET scheduled = 1, failed = 0, open = %s", is_open)
    assert await rows(pool, "SELECT status, finished_at FROM campaigns") == [{"status": after, "finished_at": None}]


async def _told(conn: Conn) -> list[str]:
    return [row["event"] for row in await fetch_all(conn, b"SELECT event FROM webhook_deliveries ORDER BY id")]


@pytest.mark.parametrize("as_tenant", [False, True])
async def test_whatever_moves_a_row_to_its_end_tells_of_it(pool: Pool, user: User, as_tenant: bool) -> None:
    """No query of ours: the rows themselves tell, whoever changes them and as whichever role."""
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED", "SENDING", "SENT"])
    await execute(
        pool,
        "INSERT INTO webhooks (workspace_id, url, events) SELECT id, 'https://example.com', %s FROM workspaces",
        ["email.failed", "email.unknown", "sender.blocked", "campaign.finished"],
    )
    async with transaction(pool, user.workspace_id if as_tenant else None) as conn:
        await conn.execute("UPDATE emails SET status = 'UNKNOWN' WHERE status = 'SCHEDULED'")
        await conn.execute("UPDATE emails SET status = 'FAILED', claim_token = NULL WHERE status = 'SENDING'")
        await conn.execute("UPDATE emails SET scheduled_at = now()")
        await conn.execute("UPDATE streams SET scheduled = 0, sending = 0, failed = 1, unknown = 1")
        for failures in (1, 2):
            await conn.execute("UPDATE senders SET failures = %s", [failures])
        assert await _told(conn) == ["email.unknown", "email.failed", "campaign.finished", "sender.blocked"]
        jobs = await fetch_exactly_one(
            conn, b"SELECT count(*) AS n FROM procrastinate_jobs WHERE task_name = 'deliver_webhooks'"
        )
        assert jobs["n"] == 1
