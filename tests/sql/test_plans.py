"""Query plans of the hot queries, over many rows that must not be walked: held by EXPLAIN, not by a stopwatch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from app.db import Pool, fetch_exactly_one, open_pool, transaction
from app.domain.accounts.users import User, create_user
from app.secrets import SecretBox
from bench.plans import USERS, WORKERS
from tests.support.engine import SECRET_KEY, value
from tests.support.ledger import insert_campaign
from tests.support.pg import TemplateServer
from tests.support.plans import QUERIES, WAITING, analyze, explained, fill, pages_read, rows_touched
from worker.__main__ import PLANNER_OPTIONS


class Filled(NamedTuple):
    url: str
    user: User
    parameters: dict[str, Any]


@pytest.fixture(scope="module")
async def filled(postgres: TemplateServer) -> AsyncIterator[Filled]:
    """A campaign with emails due, one paused and one long done, each with thousands; parameters for the queries."""
    with postgres.clone() as url:
        async with await open_pool(url) as pool:
            user = await create_user(
                pool, SecretBox(SECRET_KEY), "owner@example.com", "correct horse", default_hourly_limit=100
            )
            parameters = await fill(pool, user)
        yield Filled(url, user, parameters)


@pytest.fixture
def database_url(postgres: TemplateServer, filled: Filled) -> Iterator[str]:
    with postgres.clone(of=filled.url) as url:
        yield url


@pytest.fixture
def user(filled: Filled) -> User:
    return filled.user


@pytest.fixture
def full(filled: Filled, database_url: str) -> dict[str, Any]:
    return dict(filled.parameters)


@pytest.mark.parametrize("analyzed", [False, True], ids=["before-analyze", "after-analyze"])
@pytest.mark.parametrize(
    "name", ["outlook", "held_claims", "recover", "neglected_senders", "giving", "holds_to_spread"]
)
async def test_the_workers_queries_touch_what_they_use_and_no_more(
    database_url: str, full: dict[str, Any], name: str, analyzed: bool
) -> None:
    """Whether or not Postgres has counted the rows yet: a plan is made once and kept."""
    async with await open_pool(database_url, options=PLANNER_OPTIONS) as pool, pool.connection() as conn:
        if analyzed:
            await conn.execute("ANALYZE")
        plan = await explained(conn, name, full)
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize("analyzed", [False, True], ids=["before-analyze", "after-analyze"])
@pytest.mark.parametrize("name", ["campaigns_by_id", "senders_of_campaigns"])
async def test_a_campaign_is_shown_without_all_that_waits_in_it_being_read(
    database_url: str, full: dict[str, Any], name: str, analyzed: bool
) -> None:
    """A million were read twice for the first and the last of them, right after they were scheduled."""
    async with await open_pool(database_url) as pool, pool.connection() as conn:
        if analyzed:
            await conn.execute("ANALYZE")
        pages = await pages_read(conn, name, full | {"ids": [full["campaign_id"]]})
    assert pages < 100


@pytest.mark.parametrize("analyzed", [False, True], ids=["before-analyze", "after-analyze"])
@pytest.mark.parametrize("name", ["named_emails", "written_to", "doubts_of_inbox"])
async def test_whose_answer_it_is_is_found_without_walking(
    database_url: str, full: dict[str, Any], name: str, analyzed: bool
) -> None:
    sought = {
        "provider_ids": ["1@provider.example"],
        "addresses": ["r77@example.com"],
        "inbox_id": full["sender_id"],
        "settled_s": 3600.0,
    }
    async with await open_pool(database_url, options=PLANNER_OPTIONS) as pool, pool.connection() as conn:
        await conn.execute("UPDATE senders SET imap_host = 'h', imap_port = 993, imap_security = 'tls'")
        if analyzed:
            await conn.execute("ANALYZE")
        plan = await explained(conn, name, full | sought)
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize("analyzed", [False, True], ids=["before-analyze", "after-analyze"])
async def test_a_thread_is_found_without_walking(pool: Pool, full: dict[str, Any], analyzed: bool) -> None:
    async with pool.connection() as conn:
        if analyzed:
            await conn.execute("ANALYZE")
        root = await value(pool, "SELECT max(id) FROM emails WHERE campaign_id = %s", full["campaign_id"])
        plan = await explained(conn, "emails_of_thread", full | {"root_id": root, "limit": 20})
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize("analyzed", [False, True], ids=["before-analyze", "after-analyze"])
async def test_emails_without_a_copy_are_found_among_the_newest_of_a_campaign(
    database_url: str, full: dict[str, Any], analyzed: bool
) -> None:
    async with await open_pool(database_url, options=PLANNER_OPTIONS) as pool, pool.connection() as conn:
        await conn.execute("UPDATE senders SET imap_host = 'h', imap_port = 993, imap_security = 'tls'")
        await conn.execute("UPDATE streams SET accepted_at = now()")
        await conn.execute("UPDATE emails SET attempts = 1, sent_at = now() - interval '1 hour' WHERE status = 'SENT'")
        await conn.execute("UPDATE login_windows SET accepted_at = now()")
        await conn.execute(
            "INSERT INTO wire_checks (workspace_id, sender_id, reader_id, started_at, done_at, sent_copy)"
            " SELECT workspace_id, id, id, now(), now() - interval '2 hours', false FROM senders"
        )
        await conn.execute(
            "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at)"
            " SELECT workspace_id, id, 1, 'ACCEPTED', now() FROM emails WHERE status = 'SENT'"
        )
        if analyzed:
            await conn.execute("ANALYZE")
        plan = await explained(conn, "emails_to_copy", full | {"settle_s": 60.0, "newest": 90})
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


ROWS_READ = b"""
SELECT relname AS table, coalesce(seq_tup_read, 0) AS walked, coalesce(idx_tup_fetch, 0) AS found
FROM pg_stat_xact_user_tables
WHERE (seq_tup_read > 0 OR idx_tup_fetch > 0) AND relname <> 'installation'  -- which is one row
"""


@pytest.mark.parametrize("analyzed", [False, True], ids=["before-analyze", "after-analyze"])
async def test_an_exchange_touches_what_it_uses_and_no_more(
    database_url: str, full: dict[str, Any], analyzed: bool
) -> None:
    """Its statements are in a function, which tells no plans: Postgres has counted what they read."""
    async with await open_pool(database_url, options=PLANNER_OPTIONS) as pool, pool.connection() as conn:
        if analyzed:
            await conn.execute("ANALYZE")
        sending = "UPDATE emails SET status = 'SENDING', claim_token = %(token)s, claimed_at = now() WHERE id = 1"
        await conn.execute(sending, full)
        async with conn.transaction(force_rollback=True):
            claims = await (await conn.execute(QUERIES["exchange"], full)).fetchall()
            read = await (await conn.execute(ROWS_READ)).fetchall()
    assert len(claims) == full["wanted"]
    assert {table["table"] for table in read} >= {"emails", "streams", "login_windows", "suppressions"}
    assert [table for table in read if table["walked"]] == []
    assert max(table["found"] for table in read) <= 100, read


@pytest.mark.parametrize("name", ["campaigns_by_id", "get_email", "texts_of_emails", "attempts_of_email", "email_span"])
async def test_the_pages_queries_do_not_walk_the_table(pool: Pool, full: dict[str, Any], name: str) -> None:
    """As the user whose they are: row-level security keeps some conditions from indexes."""
    await analyze(pool)
    async with transaction(pool, full["workspace_id"]) as conn:
        plan = await explained(conn, name, full)
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize("sought", [{}, {"campaign_id": None}, {"sender_id": None}])
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("page_of_emails", None),
        ("page_of_emails", "SENDING"),
        ("page_of_emails", "SENT"),
        ("page_of_emails", "FAILED"),
        ("undecided_emails", "UNKNOWN"),
        ("page_of_waiting", "SCHEDULED"),
    ],
)
async def test_a_page_of_emails_reads_a_page(
    pool: Pool, full: dict[str, Any], name: str, status: str | None, sought: dict[str, None]
) -> None:
    """With a campaign and a sender, with one of them, whatever lies before and behind their emails."""
    wanted = full | {"status": status, "after_at": datetime(2000, 1, 1, tzinfo=UTC), "after_id": 0} | sought
    await analyze(pool)
    async with transaction(pool, full["workspace_id"]) as conn:
        span = await fetch_exactly_one(conn, QUERIES["email_span"], wanted)
        plan = await explained(conn, name, wanted | span)
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


FAILED = """
WITH failed AS (
    UPDATE emails SET status = 'FAILED', failed_for = 'SPAM',
        settled = CASE WHEN id %% 500 > 0 THEN 'PUT_ASIDE'::failure_settled END
    WHERE campaign_id = %(campaign_id)s RETURNING stream_id
)
UPDATE streams SET scheduled = 0, failed = total WHERE id = (SELECT stream_id FROM failed LIMIT 1)
"""


@pytest.mark.parametrize(
    "name", ["groups", "count_unsorted", "undecided", "first_unsorted", "page_of_undecided", "unsorted"]
)
async def test_what_waits_for_a_word_is_found_among_what_was_decided(
    pool: Pool, full: dict[str, Any], name: str
) -> None:
    """Forty of twenty thousand that failed, of all campaigns and of one."""
    async with pool.connection() as conn:
        await conn.execute(FAILED, full)
    await analyze(pool)
    span = {"first_id": 1, "last_id": 2**62, "reason": None, "failed_for": None}
    for campaign_id in (None, full["campaign_id"]):
        wanted = full | span | {"campaign_id": campaign_id, "status": "FAILED", "sender_id": None}
        async with transaction(pool, None if name == "unsorted" else full["workspace_id"]) as conn:
            plan = await explained(conn, name, wanted)
        assert "Seq Scan on emails" not in plan, plan
        assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize("sought", [{}, {"q": "%n%"}, {"before": 15_000}])
@pytest.mark.parametrize("name", ["newest_campaigns", "oldest_campaigns", "campaigns_by_name"])
async def test_a_page_of_campaigns_reads_a_page_of_many(
    pool: Pool, full: dict[str, Any], name: str, sought: dict[str, Any]
) -> None:
    async with pool.connection() as conn:
        await conn.execute(LATER, full)
    await analyze(pool)
    async with transaction(pool, full["workspace_id"]) as conn:
        plan = await explained(conn, name, full | {"archived": False, "sender_id": None} | sought)
    assert "Seq Scan" not in plan, plan
    assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize("analyzed", [False, True], ids=["before-analyze", "after-analyze"])
@pytest.mark.parametrize("name", ["emails_by_status", "due_emails", "jobs_by_queue", "workforce"])
async def test_a_scrape_of_metrics_reads_no_more_than_is_due(
    pool: Pool, full: dict[str, Any], name: str, analyzed: bool
) -> None:
    async with transaction(pool) as conn:
        # All but fifty of the emails that wait are for later.
        await conn.execute(
            "UPDATE emails SET scheduled_at = now() + interval '1 day' WHERE status = 'SCHEDULED' AND id %% %s > 0",
            (WAITING // 50,),
        )
    async with pool.connection() as conn:
        if analyzed:
            await conn.execute("ANALYZE")
    async with transaction(pool) as conn:
        await conn.execute(QUERIES["careful_reading"], {"timeout_ms": "5000"})
        plan = await explained(conn, name, full | {"most": 100_000})
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


async def test_emails_that_are_due_are_counted_up_to_a_bound(pool: Pool, full: dict[str, Any]) -> None:
    async with transaction(pool) as conn:
        await conn.execute(QUERIES["careful_reading"], {"timeout_ms": "5000"})
        plan = await explained(conn, "due_emails", full | {"most": 90})
    assert rows_touched(plan) <= 100, plan


async def test_what_is_kept_about_one_recipient_is_found_without_walking(pool: Pool, full: dict[str, Any]) -> None:
    async with pool.connection() as conn:
        await conn.execute("ANALYZE")
        plan = await explained(conn, "emails_to_address", full | {"email": "R77@Example.com"})
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize("name", ["lock_streams_owing", "cancel_owed"])
async def test_what_is_owed_to_somebody_is_found_without_walking(pool: Pool, full: dict[str, Any], name: str) -> None:
    async with pool.connection() as conn:
        found = await fetch_exactly_one(conn, b"SELECT address_digest('r77@example.com') AS key")
        await conn.execute("ANALYZE")
        plan = await explained(conn, name, full | {"keys": [found["key"]], "mailboxes": ["r77@example.com"]})
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize(("name", "reason"), [("take_suppression_back", "BOUNCED"), ("withdraw", "UNSUBSCRIBED")])
async def test_what_else_is_said_of_somebody_is_found_without_walking(
    pool: Pool, full: dict[str, Any], name: str, reason: str
) -> None:
    async with pool.connection() as conn:
        suppression = b"""
            INSERT INTO suppressions (workspace_id, key, kind, name, reason, email_id)
            SELECT workspace_id, address_digest(recipient), 'ADDRESS', recipient, %(reason)s, id FROM emails
            WHERE recipient = 'r77@example.com' LIMIT 1
            RETURNING key, email_id, name AS recipient"""
        its = await fetch_exactly_one(conn, suppression, {"reason": reason})
        await conn.execute("ANALYZE")
        asked = full | its | {"reason": reason}
        pages = await pages_read(conn, name, asked)
        assert pages < 100
        plan = await explained(conn, name, asked)
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize("has_digest", [True, False])
async def test_one_recipients_page_reads_their_emails_alone(pool: Pool, full: dict[str, Any], has_digest: bool) -> None:
    async with pool.connection() as conn:
        if has_digest:
            digest = (
                "UPDATE emails SET recipient_key = address_digest(recipient) WHERE recipient LIKE 'r7%@example.com'"
            )
            await conn.execute(digest)
        await conn.execute("ANALYZE")
        asked = full | {"email": "R77@Example.com", "before_at": None, "before_id": None, "most": 10_000}
        plan = await explained(conn, "emails_of_recipient", asked)
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize("analyzed", [False, True], ids=["before-analyze", "after-analyze"])
@pytest.mark.parametrize("asked", [{"days": 30, "campaign_ids": []}, {"days": None, "campaign_ids": [1, 2]}])
async def test_who_was_written_to_before_is_looked_up_and_not_walked_to(
    pool: Pool, full: dict[str, Any], asked: dict[str, Any], analyzed: bool
) -> None:
    """The function that looks tells no plan: Postgres has counted what it read."""
    async with pool.connection() as conn:
        await conn.execute("UPDATE emails SET recipient_key = address_digest(recipient) WHERE id %% 2 = 0", [])
        await conn.execute("SELECT pg_stat_force_next_flush()")  # else what the UPDATE walked counts below
        if analyzed:
            await conn.execute("ANALYZE")
    async with transaction(pool, full["workspace_id"]) as conn:
        await conn.execute(QUERIES["stage_recipients"])
        await conn.execute(
            "INSERT INTO staged (number, row, recipient, key, fields)"
            " SELECT n - 1, n, a, address_digest(a), '{}' FROM generate_series(1, 20) n,"
            " concat('r', n * 900, '@example.com') a"
        )
        found = await fetch_exactly_one(conn, QUERIES["take_out_earlier"], full | asked | {"batch": 7, "shown": 1_000})
        read = await (await conn.execute(ROWS_READ)).fetchall()
    assert len(found["numbers"]) == 20
    assert [table for table in read if table["table"] == "emails" and table["walked"]] == []
    assert max(table["found"] for table in read if table["table"] == "emails") <= 100, read


async def test_holding_a_batch_after_a_restore_touches_a_batch(pool: Pool, full: dict[str, Any]) -> None:
    async with pool.connection() as conn:
        await conn.execute("UPDATE campaigns SET status = 'PAUSED' WHERE id = %s", (full["campaign_id"],))
        await conn.execute("ANALYZE")
        plan = await explained(conn, "hold_emails", full | {"batch": 50})
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


@pytest.mark.parametrize("analyzed", [False, True], ids=["before-analyze", "after-analyze"])
@pytest.mark.parametrize("options", ["", PLANNER_OPTIONS], ids=["api", "worker"])
async def test_a_batch_of_a_plan_is_looked_up_by_its_keys(
    database_url: str, full: dict[str, Any], analyzed: bool, options: str
) -> None:
    """For any planner, and however many emails there are beside: a join of two lists would go through one for each
    entry of the other.
    """
    batch = full | {"ids": list(range(1, 501)), "ats": [datetime.now(UTC)] * 500, "from": datetime.now(UTC)}
    batch |= {"jitters": [1_000_000] * 500, "untils": [datetime.now(UTC)] * 500, "of_retries": False}
    async with await open_pool(database_url, options=options) as pool, transaction(pool) as conn:
        if analyzed:
            await conn.execute("ANALYZE")
        await conn.execute(QUERIES["careful_planning"], {"lock_ms": "5000"})
        plan = await explained(conn, "move_emails", batch | {"stays_due_at": None})
        inputs = await explained(conn, "plan_inputs", full)
    assert rows_touched(plan) <= 500, plan
    assert "Join Filter" not in plan, plan
    assert plan.count("emails_pkey") == 2, plan
    assert rows_touched(inputs) <= 10, inputs


@pytest.mark.parametrize("analyzed", [False, True], ids=["before-analyze", "after-analyze"])
@pytest.mark.parametrize("divided", [False, True])
@pytest.mark.parametrize("emails", [2, 5_000])
async def test_a_campaign_is_inserted_by_a_join_that_goes_through_both_lists_once(
    pool: Pool, full: dict[str, Any], emails: int, divided: bool, analyzed: bool
) -> None:
    if analyzed:
        await analyze(pool)
    async with transaction(pool, full["workspace_id"]) as conn:
        await conn.execute(QUERIES["stage_recipients"])
        await conn.execute(
            "INSERT INTO staged (number, row, recipient, key, fields)"
            " SELECT n, n, 'new' || n || '@example.com', sha256(n::text::bytea), '{}' FROM generate_series(0, %s) n",
            [emails - 1],
        )
        await conn.execute(QUERIES["join_at_once"])
        runs: dict[str, Any] = {
            "firsts": list(range(emails)),
            "counts": [1] * emails,
            "streams": [full["stream_id"]] * emails,
        }
        runs |= {name: [datetime.now(UTC)] * emails for name in ("ats", "ends", "untils")}
        runs |= {name: [0] * emails for name in ("gaps", "jitters")} | {"divided": divided, "step_id": None}
        plan = await explained(conn, "insert_emails", full | runs)
    assert rows_touched(plan) <= emails, plan


async def test_what_needs_a_person_is_found_among_what_does_not(pool: Pool, full: dict[str, Any], user: User) -> None:
    async with transaction(pool) as conn:
        done = ["SENT"] * WAITING
        await insert_campaign(conn, user.workspace_id, [*done, "FAILED", *done, "UNKNOWN"])
    await analyze(pool)
    async with transaction(pool, user.workspace_id) as conn:
        plan = await explained(conn, "campaigns_in_trouble", full)
    assert "Seq Scan on emails" not in plan, plan
    assert rows_touched(plan) <= 100, plan


LATER = """
WITH campaign AS (
    INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, start_at)
    SELECT %(workspace_id)s, %(sender_id)s, 'n', 's', 'b', now() FROM generate_series(1, 20000) RETURNING id
),
stream AS (
    INSERT INTO streams (workspace_id, campaign_id, sender_id, gap_ms, next_due_at, total, scheduled)
    SELECT %(workspace_id)s, id, %(sender_id)s, 0, now() + interval '7 days', 1, 1 FROM campaign
    RETURNING id, campaign_id
)
INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, scheduled_at)
SELECT %(workspace_id)s, campaign_id, id, 'later@example.com', now() + interval '7 days' FROM stream
"""


@pytest.mark.parametrize("name", ["exchange", "outlook"])
async def test_a_senders_campaigns_for_later_cost_its_sending_nothing(
    database_url: str, full: dict[str, Any], name: str
) -> None:
    async with await open_pool(database_url, options=PLANNER_OPTIONS) as pool, pool.connection() as conn:
        await conn.execute("ANALYZE")
        before = await pages_read(conn, name, full)
        await conn.execute(LATER.encode(), full)
        await conn.execute("VACUUM ANALYZE streams, campaigns, emails")
        after = await pages_read(conn, name, full)
    assert before - 20 < after < before * 1.1 + 20, (before, after)


def test_what_the_benchmark_explains_is_there() -> None:
    assert {hot.name for hot in (*WORKERS, *USERS)} <= QUERIES.keys()
