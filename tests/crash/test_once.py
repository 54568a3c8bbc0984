"""All or nothing, and nothing twice: a scheduler killed, requests and wake-ups repeated, leases that ran out."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
from collections import Counter
from typing import Any

import psycopg
import pytest

from app.db import Pool, transaction
from app.domain.campaigns.draft import Draft
from app.domain.campaigns.idempotency import Idempotency
from app.domain.campaigns.schedule import Request, schedule
from app.domain.recipients.lists import from_json
from app.errors import Conflict
from app.jobs import defer_help, defer_wake_up
from tests.support.engine import (
    CONTENT,
    ROOT,
    Fleet,
    addresses,
    check_conservation,
    create_owner,
    execute,
    row,
    rows,
    schedule_campaign,
    settings_for,
    statuses,
    value,
    wait_for,
    wait_until_sent,
    wake_all,
)
from tests.support.sinkproc import Sink

SCHEDULER = """
import asyncio, sys
from app.db import open_pool
from tests.support.engine import Owner, schedule_campaign

async def main(url, workspace_id, sender_id):
    async with await open_pool(url) as pool:
        await schedule_campaign(pool, Owner(workspace_id, sender_id), 5_000)

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""
WRITTEN = """
SELECT (SELECT count(*) FROM campaigns) + (SELECT count(*) FROM emails) + (SELECT count(*) FROM procrastinate_jobs)
"""


async def test_a_scheduler_killed_before_its_commit_leaves_nothing(database_url: str, pool: Pool) -> None:
    owner = await create_owner(pool)
    with psycopg.connect(database_url) as holder:
        # The wake-up comes last: with it held back, all the rest is written and nothing committed.
        holder.execute("LOCK TABLE procrastinate_jobs IN EXCLUSIVE MODE")
        arguments = [sys.executable, "-c", SCHEDULER, database_url, str(owner.workspace_id), str(owner.sender_id)]
        scheduler = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT)
        try:
            await wait_for(lambda: _waits_for_the_jobs(pool), "the scheduler to come to its wake-up")
        finally:
            scheduler.kill()
            await scheduler.wait()
    await wait_for(lambda: _sessions_ended(pool), "Postgres to notice")
    assert await value(pool, WRITTEN) == 0


async def _waits_for_the_jobs(pool: Pool) -> bool:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'procrastinate_jobs'::regclass"
    return await value(pool, query) > 0


async def _sessions_ended(pool: Pool) -> bool:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
        " AND xact_start < now()"
    )
    return await value(pool, query) == 0


async def test_a_request_repeated_at_the_same_time_is_done_once(pool: Pool) -> None:
    owner = await create_owner(pool)
    request = Request(Draft(content=CONTENT), lambda required: from_json(addresses(50), required=required))
    key = Idempotency("monday", hashlib.sha256(b"the request").digest())
    answers = await asyncio.gather(*(schedule(pool, owner.workspace_id, request, key) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert await value(pool, "SELECT count(*) FROM campaigns") == 1
    assert await value(pool, "SELECT count(*) FROM emails") == 50
    with pytest.raises(Conflict):
        await schedule(pool, owner.workspace_id, request, Idempotency("monday", hashlib.sha256(b"another").digest()))


async def test_wake_ups_in_any_number_send_nothing_twice(
    database_url: str, pool: Pool, fleet: Fleet, sink: Sink
) -> None:
    owner = await create_owner(pool)
    fleet.start(settings_for(sink, lanes=4, lease_s=20), 3)  # none dies, however long the machine stalls
    made = await schedule_campaign(pool, owner, 600)
    for _ in range(20):
        async with transaction(pool) as conn:
            await defer_wake_up(conn, owner.sender_id)
            await defer_help(conn, owner.sender_id)
    await wait_until_sent(pool, made.campaign.id)
    accepted = Counter(entry.envelope_to for entry in sink.accepted())
    assert accepted == Counter(addresses(600))
    assert fleet.complaints() == []


@pytest.mark.alone
@pytest.mark.parametrize("policy", ["hold", "resend"])
async def test_what_a_server_accepted_is_sent_though_the_lease_ran_out_meanwhile(
    database_url: str, pool: Pool, fleet: Fleet, sink: Sink, policy: str
) -> None:
    """Suspended while the server has its message; another puts the email in doubt; then it wakes up and reports."""
    owner = await create_owner(pool)
    sink.script([{"when": {"times": 1}, "at": "dot", "do": "hold"}])
    (suspended,) = fleet.start(settings_for(sink, lanes=1))
    made = await schedule_campaign(pool, owner, 1, on_unknown=policy)
    await asyncio.to_thread(sink.wait, held=1)
    suspended.signal(signal.SIGSTOP)
    fleet.start(settings_for(sink, lanes=1))
    await wait_for(lambda: _in_doubt(pool), "the lease to run out")
    waits = {"hold": "UNKNOWN", "resend": "SCHEDULED"}[policy]
    assert await statuses(pool, made.campaign.id) == {waits: 1}
    sink.release()
    suspended.signal(signal.SIGCONT)
    await wait_for(lambda: rows(pool, "SELECT FROM emails WHERE status = 'SENT'"), "the late report")
    attempts = await rows(pool, "SELECT outcome, claimed_at FROM attempts ORDER BY number")
    assert [attempt["outcome"] for attempt in attempts] == ["UNKNOWN", "ACCEPTED"]
    assert attempts[0]["claimed_at"] == attempts[1]["claimed_at"]
    await wait_for(lambda: _started_over(fleet), "the suspended worker to start over")
    # Both are alive and well, and still nothing is sent again by itself.
    other = await schedule_campaign(pool, owner, ["later@example.com"])
    await wait_until_sent(pool, other.campaign.id)
    assert [entry.envelope_to for entry in sink.accepted()] == ["r0@example.com", "later@example.com"]
    await check_conservation(pool, made.campaign.id)


@pytest.mark.alone
async def test_a_late_report_changes_nothing_about_a_newer_claim(pool: Pool, fleet: Fleet, sink: Sink) -> None:
    owner = await create_owner(pool)
    sink.script([{"when": {"times": 2}, "at": "dot", "do": "hold"}])
    (suspended,) = fleet.start(settings_for(sink, lanes=1))
    made = await schedule_campaign(pool, owner, 1, on_unknown="resend")
    await asyncio.to_thread(sink.wait, held=1)
    suspended.signal(signal.SIGSTOP)
    fleet.start(settings_for(sink, lanes=1))
    await wait_for(lambda: _in_doubt(pool), "the lease to run out")
    await execute(pool, "UPDATE emails SET scheduled_at = now()")
    await wake_all(pool)
    await asyncio.to_thread(sink.wait, held=2)
    claimed = await row(pool, "SELECT status, claim_token, claimed_at, attempts FROM emails")
    suspended.signal(signal.SIGCONT)
    sink.release()
    await wait_for(lambda: _started_over(fleet), "the suspended worker to start over")
    await wait_until_sent(pool, made.campaign.id)
    attempts = await rows(pool, "SELECT outcome, claimed_at FROM attempts ORDER BY number")
    assert [attempt["outcome"] for attempt in attempts] == ["UNKNOWN", "ACCEPTED"]
    assert attempts[1]["claimed_at"] == claimed["claimed_at"]
    await check_conservation(pool, made.campaign.id)


async def _in_doubt(pool: Pool) -> list[dict[str, Any]]:
    return await rows(pool, "SELECT FROM attempts WHERE outcome = 'UNKNOWN'")


async def _started_over(fleet: Fleet) -> bool:
    return fleet.all[0].log.count("worker started") == 2


async def test_a_worker_without_a_lease_gets_no_work(pool: Pool, fleet: Fleet, sink: Sink) -> None:
    """As when its row is gone: it claims nothing under the old token, and works on under a new one."""
    owner = await create_owner(pool)
    fleet.start(settings_for(sink, lanes=1))
    await wait_for(lambda: _registered(pool), "the worker to register")
    token = await value(pool, "SELECT token FROM workers")
    await execute(pool, "DELETE FROM workers")
    made = await schedule_campaign(pool, owner, 5)
    await wait_until_sent(pool, made.campaign.id)
    assert await value(pool, "SELECT count(*) FROM workers WHERE token = %s", token) == 0


async def _registered(pool: Pool) -> bool:
    return await value(pool, "SELECT count(*) FROM workers") == 1
