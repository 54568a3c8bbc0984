"""Removing what is old: only that, in small batches, by one worker, and killed at any point without harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg.errors import CheckViolation

from app.db import Pool, fetch_exactly_one, open_pool, transaction
from app.domain.accounts.users import User
from app.domain.ledger import retention
from app.domain.operations import workers
from app.settings import Settings
from app.sql import read_all
from tests.support.api import problem
from tests.support.engine import (
    Fleet,
    create_owner,
    execute,
    register_worker,
    row,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
)
from tests.support.ledger import insert_campaign
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S
from worker.__main__ import PLANNER_OPTIONS

QUERIES = read_all()
ENDED = ["SENT", "SENT", "FAILED", "UNKNOWN"]
KEPT = Settings(retention_emails_days=30, retention_attempts_days=10, retention_sandbox_days=5, retention_stats_days=9)


@pytest.fixture
async def worker_pool(database_url: str) -> AsyncIterator[Pool]:
    """As a worker plans its queries."""
    async with await open_pool(database_url, options=PLANNER_OPTIONS) as pool:
        yield pool


async def ended_campaign(
    pool: Pool, user: User, days: int, statuses: list[str] = ENDED, status: str = "FINISHED"
) -> int:
    """A campaign that ended some days ago, with an attempt at each of its emails."""
    async with transaction(pool) as conn:
        campaign_id, _ = await insert_campaign(conn, user.workspace_id, statuses)
        await conn.execute(
            "UPDATE campaigns SET status = %s::campaign_status, created_at = now() - make_interval(days => %s),"
            " finished_at = CASE WHEN %s = 'FINISHED' THEN now() - make_interval(days => %s) END,"
            " cancelled_at = CASE WHEN %s = 'CANCELLED' THEN now() - make_interval(days => %s) END WHERE id = %s",
            (status, days, status, days, status, days, campaign_id),
        )
        await conn.execute("UPDATE emails SET attempts = 1 WHERE campaign_id = %s", (campaign_id,))
        await conn.execute(
            "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at)"
            " SELECT workspace_id, id, 1, 'ACCEPTED', now() FROM emails WHERE campaign_id = %s",
            (campaign_id,),
        )
    return campaign_id


async def left(pool: Pool, campaign_id: int) -> tuple[int, int]:
    """How many emails and attempts of the campaign there are."""
    found = await row(
        pool,
        "SELECT count(e.id) AS emails, count(a.email_id) AS attempts FROM emails e LEFT JOIN attempts a"
        " ON a.workspace_id = e.workspace_id AND a.email_id = e.id WHERE e.campaign_id = %s",
        campaign_id,
    )
    return found["emails"], found["attempts"]


async def clean_up(pool: Pool, settings: Settings = KEPT) -> dict[str, int]:
    """Clean up as a worker does, without its pauses; how many rows of each kind went."""
    token = await register_worker(pool, "test")
    assert await retention.begin(pool, token)
    removed: dict[str, int] = {}
    for chore in retention.chores(settings):
        while (n := await retention.remove_batch(pool, token, chore)) is not None:
            removed[chore.what] = removed.get(chore.what, 0) + n
    await workers.unregister(pool, token)
    return {what: n for what, n in removed.items() if n}


async def test_emails_go_after_their_time_and_the_campaign_stays_with_its_counts(
    worker_pool: Pool, user: User, api: httpx.AsyncClient
) -> None:
    old, newer = await ended_campaign(worker_pool, user, 31), await ended_campaign(worker_pool, user, 29)
    async with transaction(worker_pool) as conn:
        running, _ = await insert_campaign(conn, user.workspace_id, ["SENT", "SCHEDULED"])
    before = (await api.get(f"/api/campaigns/{old}")).json()
    assert before["emailsRemovedAt"] is None

    assert await clean_up(worker_pool) == {"emails": 4, "attempts": 4}

    assert [await left(worker_pool, c) for c in (old, newer, running)] == [(0, 0), (4, 0), (2, 0)]
    after = (await api.get(f"/api/campaigns/{old}")).json()
    assert after["emailsRemovedAt"] is not None
    assert (before["undecided"], after["undecided"]) == (1, 0)  # nobody is asked about what is gone
    assert after | {"emailsRemovedAt": None, "undecided": 1} == before
    assert (await api.get("/api/emails", params={"campaignId": old})).json()["items"] == []
    assert len((await api.get("/api/emails", params={"campaignId": newer})).json()["items"]) == 4
    assert await clean_up(worker_pool) == {}
    async with worker_pool.connection() as conn:
        counted = await fetch_exactly_one(conn, QUERIES["emails_by_status"])
    assert counted["unknown"] == 1, "no alert for what nobody can decide on any more"


async def test_who_used_an_hour_is_kept_as_long_as_a_day_is_told_by_it(worker_pool: Pool, user: User) -> None:
    async with transaction(worker_pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"])
    await execute(
        worker_pool,
        "INSERT INTO stream_hours SELECT workspace_id, id, this_hour() - h * interval '1 hour', 1"
        " FROM streams, unnest(ARRAY[25, 60]) h",
    )
    assert await clean_up(worker_pool) == {"hours of campaigns": 1}
    async with worker_pool.connection() as conn:
        kept = await fetch_exactly_one(
            conn, b"SELECT this_hour() - hour = interval '25 hours' AS day FROM stream_hours"
        )
    assert kept["day"]


async def test_a_cancelled_campaign_ages_from_when_it_is_first_seen(worker_pool: Pool, user: User) -> None:
    seen = await ended_campaign(worker_pool, user, 31, ["SENT", "CANCELLED"], "CANCELLED")
    unfinished = await ended_campaign(worker_pool, user, 31, ["SCHEDULED", "CANCELLED"], "CANCELLED")
    unseen = await ended_campaign(worker_pool, user, 31, ["SENT", "CANCELLED"], "CANCELLED")
    await execute(worker_pool, "UPDATE campaigns SET cancelled_at = NULL WHERE id = %s", unseen)
    await clean_up(worker_pool)
    assert [await left(worker_pool, c) for c in (seen, unfinished, unseen)] == [(0, 0), (2, 2), (2, 2)]
    await execute(worker_pool, "UPDATE campaigns SET cancelled_at = cancelled_at - interval '31 days'")
    await clean_up(worker_pool)
    assert await left(worker_pool, unseen) == (0, 0)


async def test_without_settings_emails_and_attempts_are_kept_for_good(worker_pool: Pool, user: User) -> None:
    campaign_id = await ended_campaign(worker_pool, user, 10_000)
    assert await clean_up(worker_pool, Settings()) == {}
    assert await left(worker_pool, campaign_id) == (4, 4)


async def test_campaigns_of_a_version_that_noted_no_ids_are_found(worker_pool: Pool, user: User) -> None:
    campaign_id = await ended_campaign(worker_pool, user, 31)
    await execute(worker_pool, "UPDATE campaigns SET first_email_id = NULL, last_email_id = NULL")
    await clean_up(worker_pool)
    assert await left(worker_pool, campaign_id) == (0, 0)


async def test_of_two_campaigns_whose_ids_mingle_the_old_one_goes(worker_pool: Pool, user: User) -> None:
    old, newer = await ended_campaign(worker_pool, user, 31), await ended_campaign(worker_pool, user, 29)
    await execute(
        worker_pool,
        "UPDATE campaigns SET (first_email_id, last_email_id) = (SELECT min(id), max(id) FROM emails)",
    )
    await clean_up(worker_pool)
    assert [(await left(worker_pool, c))[0] for c in (old, newer)] == [0, 4]


async def test_what_is_sent_again_after_its_attempts_went_is_on_record_and_ages_anew(
    worker_pool: Pool, user: User, api: httpx.AsyncClient
) -> None:
    campaign_id = await ended_campaign(worker_pool, user, 11)
    await clean_up(worker_pool)
    failed = await value(worker_pool, "SELECT id FROM emails WHERE status = 'FAILED'")
    assert (await api.post(f"/api/emails/{failed}/retry")).status_code == 200
    await execute(worker_pool, "UPDATE emails SET status = 'FAILED', attempts = 2 WHERE id = %s", failed)
    await execute(
        worker_pool,
        "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at)"
        " VALUES (%s, %s, 2, 'REJECTED', now())",
        *(user.workspace_id, failed),
    )
    await execute(
        worker_pool,
        "UPDATE streams SET scheduled = scheduled - 1, failed = failed + 1",
    )
    await execute(worker_pool, "UPDATE campaigns SET finished_at = now() - interval '11 days'")
    assert [a["number"] for a in (await api.get(f"/api/emails/{failed}")).json()["attempts"]] == [2]
    await clean_up(worker_pool)
    assert await left(worker_pool, campaign_id) == (4, 0)


async def test_nothing_is_sent_again_of_a_campaign_that_is_being_emptied(
    worker_pool: Pool, user: User, api: httpx.AsyncClient
) -> None:
    campaign_id = await ended_campaign(worker_pool, user, 31)
    await execute(worker_pool, "UPDATE campaigns SET emails_removed_at = now()")
    failed = await value(worker_pool, "SELECT id FROM emails WHERE status = 'FAILED'")
    assert "removed" in problem(await api.post(f"/api/emails/{failed}/retry"), 409)["detail"]
    problem(await api.post("/api/emails/retry", json={"campaignId": campaign_id}), 409)
    assert (await api.post("/api/emails/retry", json={"ids": [failed]})).json()["changed"] == 0
    with pytest.raises(CheckViolation):
        await execute(worker_pool, "UPDATE campaigns SET status = 'ACTIVE', finished_at = NULL")


async def test_of_two_who_remove_the_same_batch_neither_leaves_the_rest_for_ever(worker_pool: Pool, user: User) -> None:
    """As when the eldest worker's lease ends while it removes a batch, or a campaign is deleted meanwhile."""
    campaign_id = await ended_campaign(worker_pool, user, 31, ["SENT"] * 7)
    params: dict[str, Any] = {"days": 30, "batch": 3}
    async with transaction(worker_pool) as conn:
        assert (await fetch_exactly_one(conn, QUERIES["remove_emails"], params))["removed"] == 3

        async def the_same() -> int:
            async with transaction(worker_pool) as other:
                return (await fetch_exactly_one(other, QUERIES["remove_emails"], params))["removed"]

        removing = asyncio.create_task(the_same())

        async def waits() -> bool:
            return await value(worker_pool, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0

        await wait_for(waits, "the other to wait")
    assert await removing == 0
    await clean_up(worker_pool)
    assert await left(worker_pool, campaign_id) == (0, 0)


async def test_an_email_that_somebody_decides_on_meanwhile_is_left_and_found_again(
    worker_pool: Pool, user: User
) -> None:
    campaign_id = await ended_campaign(worker_pool, user, 31, ["SENT", "FAILED", "SENT", "SENT"], "CANCELLED")
    failed = await value(worker_pool, "SELECT id FROM emails WHERE status = 'FAILED'")
    params: dict[str, Any] = {"days": 30, "batch": 100}
    async with transaction(worker_pool) as conn:
        await conn.execute("UPDATE streams SET failed = failed - 1, scheduled = scheduled + 1")
        await conn.execute("UPDATE emails SET status = 'SCHEDULED' WHERE id = %s", [failed])

        async def remove() -> int:
            async with transaction(worker_pool) as other:
                return (await fetch_exactly_one(other, QUERIES["remove_emails"], params))["removed"]

        removing = asyncio.create_task(remove())

        async def waits() -> bool:
            return await value(worker_pool, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0

        await wait_for(waits, "the removal to wait")
    assert await removing == 3
    assert await clean_up(worker_pool) == {}  # it waits
    await execute(
        worker_pool, "UPDATE emails SET status = 'CANCELLED', cancel_reason = 'CAMPAIGN' WHERE id = %s", failed
    )
    await execute(worker_pool, "UPDATE streams SET scheduled = 0, cancelled = 1")
    assert await clean_up(worker_pool) == {"emails": 1}
    assert await left(worker_pool, campaign_id) == (0, 0)


async def test_small_things_go_after_their_time(worker_pool: Pool, user: User) -> None:
    login = await value(worker_pool, "SELECT id FROM logins")
    for days in (100, 0):
        at = f"now() - interval '{days} days'"
        u = user.workspace_id
        for statement in (
            f"sandbox_messages (workspace_id, received_at, envelope_from, envelope_to, content)"
            f" VALUES ({u}, {at}, '', '{{}}', '')",
            f"login_windows (workspace_id, login_id, window_start, allowed) VALUES ({u}, {login}, {at}, 1)",
            f"idempotency_keys (workspace_id, key, fingerprint, created_at) VALUES ({u}, 'k{days}', '', {at})",
            f"recipient_lists (workspace_id, kind, size, rows, used_at) VALUES ({u}, 'json', 1, 1, {at})",
            f"sessions (token_sha256, user_id, expires_at, address, user_agent)"
            f" VALUES (sha256('{days}'), {user.id}, {at} + interval '1 minute', '', '')",
            f"invitations (token_sha256, invited_by, expires_at) VALUES (sha256('{days}'), {user.id}, {at})",
            f"password_resets (user_id, expires_at) VALUES ({user.id}, {at})",
            f"oidc_logins (state_sha256, browser_sha256, nonce, code_verifier, created_at)"
            f" VALUES (sha256('{days}'), sha256('b'), '', '', {at})",
            f"login_attempts (subject, window_start, count) VALUES ('account:a', {at}, 1)",
        ):
            await execute(worker_pool, f"INSERT INTO {statement}")
    removed = await clean_up(worker_pool)
    assert set(removed.values()) == {1}
    assert len(removed) == 9
    assert await clean_up(worker_pool) == {}


async def test_what_webhooks_were_told_goes_after_a_month(worker_pool: Pool, user: User) -> None:
    await execute(
        worker_pool,
        "WITH hook AS (INSERT INTO webhooks (workspace_id, url, events)"
        " VALUES (%s, 'https://hook.example.com', '{email.failed}') RETURNING id)"
        " INSERT INTO webhook_deliveries (workspace_id, webhook_id, event, data, created_at)"
        " SELECT %s, id, 'email.failed', '{}', now() - make_interval(days => days)"
        " FROM hook, generate_series(28, 33) AS days",
        user.workspace_id,
        user.workspace_id,
    )
    (chore,) = [chore for chore in retention.chores(KEPT) if chore.what == "webhook deliveries"]
    async with worker_pool.connection() as conn:
        removed = await fetch_exactly_one(conn, chore.text, chore.parameters | {"batch": 2})
        assert removed["removed"] == 2
        assert (await fetch_exactly_one(conn, chore.text, chore.parameters))["removed"] == 2
        assert await (await conn.execute(chore.text, chore.parameters)).fetchall() == []


async def test_the_eldest_live_worker_alone_cleans_up(worker_pool: Pool, user: User) -> None:
    await ended_campaign(worker_pool, user, 31)
    elder = await register_worker(worker_pool, "elder")
    younger = await register_worker(worker_pool, "younger")
    (chore,) = [chore for chore in retention.chores(KEPT) if chore.what == "emails"]
    assert not await retention.begin(worker_pool, younger)
    assert await retention.remove_batch(worker_pool, younger, chore) is None
    assert await retention.remove_batch(worker_pool, elder, chore) == 4
    await execute(worker_pool, "UPDATE workers SET lease_until = now() WHERE token = %s", elder)
    assert await retention.begin(worker_pool, younger)


async def test_nothing_due_costs_next_to_nothing(worker_pool: Pool, user: User, subtests: pytest.Subtests) -> None:
    """Campaigns kept for good, and campaigns done with: neither is walked."""
    for _ in range(20):
        await ended_campaign(worker_pool, user, 1, ["SENT"] * 100)
        await ended_campaign(worker_pool, user, 400, ["SENT"] * 100)
    async with worker_pool.connection() as conn:
        await conn.execute(
            "UPDATE campaigns SET emails_removed_at = now(), first_email_id = last_email_id + 1"
            " WHERE finished_at < now() - interval '100 days'"
        )
        await conn.execute("ANALYZE")
        for chore in retention.chores(KEPT):
            async with conn.transaction(force_rollback=True):
                found = await conn.execute(b"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + chore.text, chore.parameters)
                plan = "\n".join(r["QUERY PLAN"] for r in await found.fetchall())
            with subtests.test(chore.what):
                assert "Seq Scan on emails" not in plan, plan
                assert "Seq Scan on attempts" not in plan, plan
                if chore.what in {"emails", "attempts"}:
                    assert "Seq Scan on campaigns" not in plan, plan


@pytest.mark.parametrize("name", ["remove_emails", "remove_attempts"])
async def test_a_batch_touches_a_batch(worker_pool: Pool, user: User, name: str) -> None:
    await ended_campaign(worker_pool, user, 5, ["SENT"] * 20_000)
    await ended_campaign(worker_pool, user, 31, ["SENT"] * 20_000)
    params: dict[str, Any] = {"days": 30, "batch": 100}
    async with worker_pool.connection() as conn, conn.transaction(force_rollback=True):
        found = await conn.execute(b"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + QUERIES[name], params)
        plan = "\n".join(r["QUERY PLAN"] for r in await found.fetchall())
    assert "Seq Scan on emails" not in plan, plan
    assert "Seq Scan on attempts" not in plan, plan
    assert "Rows Removed by Filter: 1000" not in plan, plan
    assert "rows=20000" not in plan, plan


@pytest.mark.parametrize("many", [20_000, pytest.param(100_000, marks=pytest.mark.long)])
async def test_many_emails_go_while_others_are_sent_and_workers_are_killed(
    pool: Pool, user: User, database_url: str, tmp_path: Path, many: int
) -> None:
    old = await ended_campaign(pool, user, 31, ["SENT"] * many)
    counts = await row(pool, "SELECT total, sent, failed, unknown FROM streams WHERE campaign_id = %s", old)
    owner = await create_owner(pool, "other@example.com")
    with Sink({"dot": {"slow": 0.02}}) as sink, Fleet(database_url, tmp_path) as fleet:
        sending = (await schedule_campaign(pool, owner, 300)).campaign.id
        settings = settings_for(sink, lanes=4, lease_s=20, retention_emails_days=30)

        async def fewer_than(limit: int) -> bool:
            return await value(pool, "SELECT count(*) FROM emails WHERE campaign_id = %s", old) < limit

        for limit in (many - 5_000, many - 15_000):
            (worker,) = fleet.start(settings)
            await wait_for(lambda limit=limit: fewer_than(limit), f"fewer than {limit}")
            worker.kill()
            emails, attempts = await left(pool, old)
            assert emails == attempts
            told = await value(
                pool,
                "SELECT first_email_id ="
                " coalesce((SELECT min(id) FROM emails WHERE campaign_id = c.id), last_email_id + 1)"
                " FROM campaigns c WHERE id = %s",
                old,
            )
            assert told, "the campaign says where the rest begins"
            await execute(pool, "DELETE FROM workers")  # its lease, so that the next begins at once
        fleet.start(settings)
        await wait_for(lambda: fewer_than(1), "all to be removed", 120)
        accepted = {entry.envelope_to: 0 for entry in sink.accepted()}
        for entry in sink.accepted():
            accepted[entry.envelope_to] += 1
        assert max(accepted.values()) == 1
        assert await value(pool, "SELECT count(*) FROM emails WHERE campaign_id = %s", sending) == 300
        assert fleet.complaints() == []
    assert await left(pool, old) == (0, 0)
    assert await row(pool, "SELECT total, sent, failed, unknown FROM streams WHERE campaign_id = %s", old) == counts


async def test_a_worker_cleans_up_when_it_starts_and_stops_at_once_when_told(
    pool: Pool, user: User, database_url: str
) -> None:
    old = await ended_campaign(pool, user, 31)
    owner = await create_owner(pool, "other@example.com")
    with Sink() as sink:
        async with running_workers(database_url, settings_for(sink, lease_s=20, retention_emails_days=30)):
            campaign = (await schedule_campaign(pool, owner, 5)).campaign.id
            await wait_until_sent(pool, campaign)

            async def gone() -> bool:
                return await left(pool, old) == (0, 0)

            await wait_for(gone, "the old emails to be removed")
            began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < BOUND_S  # and it sleeps for ten minutes
