"""Backup and restore to a point in time, with PostgreSQL's own programs, as docs/operations.md tells it.

The restored ledger has forgotten what was sent after that point. Workers notice that, and `reachinbox take-over` puts
in doubt what would be sent once more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from app.db import Pool, migrate, open_pool
from app.domain.campaigns import campaigns
from app.domain.ledger import after_restore, decisions
from app.domain.ledger.decisions import Chosen
from app.errors import Conflict
from tests.support.clusters import archiving_postgres, back_up, restore
from tests.support.engine import (
    SECRET_KEY,
    Fleet,
    add_sender,
    check_conservation,
    create_owner,
    execute,
    no_lease,
    recipients_by_status,
    row,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_blocked,
    wait_until_sent,
)
from tests.support.shell import Shell
from tests.support.sinkproc import Sink

LANES = 4


async def sent(pool: Pool, campaign_id: int) -> int:
    return (await check_conservation(pool, campaign_id))["SENT"]


async def is_promoted(pool: Pool) -> bool:
    return not await value(pool, "SELECT pg_is_in_recovery()")


async def test_a_restore_to_an_earlier_moment_sends_nothing_twice(tmp_path: Path) -> None:
    lost, emails = tmp_path / "lost", 400
    slow = {"slow": 0.03}
    # However long the test stalls, half are left to send after the moment.
    with Sink([{"at": "dot", "when": {"times": emails // 2}, "do": slow}, {"at": "dot", "do": "hold"}]) as sink:
        postgres = archiving_postgres(lost)
        try:
            migrate(postgres.url)
            async with await open_pool(postgres.url) as pool:
                owner = await create_owner(pool)
                others = [await add_sender(pool, owner, f"{name}@example.com") for name in ("bob", "eve")]
                three = [owner.sender_id, *(other.sender_id for other in others)]
                # The first waits a second or two for its turn; the second would have gone tomorrow.
                made = await schedule_campaign(pool, owner, emails, sender_ids=three, on_unknown="resend")
                soon = made.campaign.id
                later = (await schedule_campaign(pool, owner, 10)).campaign.id
                await execute(
                    pool, "UPDATE emails SET scheduled_at = now() + interval '1 day' WHERE campaign_id = %s", later
                )
                await asyncio.to_thread(back_up, postgres.superuser_url, tmp_path / "base")
                with Fleet(postgres.url, tmp_path) as fleet:
                    (worker,) = fleet.start(settings_for(sink, lanes=LANES))

                    async def many() -> bool:
                        return await sent(pool, soon) >= 100

                    await wait_for(many, "100 to be sent")
                    moment = str(await value(pool, "SELECT clock_timestamp()"))
                    sink.script({"dot": slow})
                    sink.release()

                    async def all_sent() -> bool:
                        return await sent(pool, soon) == emails

                    await wait_for(all_sent, "all to be sent")
                    assert worker.drain() == 0
                async with await open_pool(postgres.superuser_url) as superusers:
                    segment = await value(superusers, "SELECT pg_walfile_name(pg_switch_wal())")

                async def archived() -> bool:
                    return (lost / "postgres" / "archive" / segment).exists()

                await wait_for(archived, "the log to be archived")
        finally:
            postgres.stop("immediate")
        before = len(sink.accepted())
        assert before == emails

        postgres = restore(tmp_path / "base", lost, tmp_path / "restored", moment)
        try:
            async with await open_pool(postgres.url) as pool:
                await wait_for(lambda: is_promoted(pool), "the end of the recovery")
                forgotten = await check_conservation(pool, soon)
                print(f"{before} were accepted; the ledger of {moment} says {dict(forgotten)}")
                assert forgotten["SENT"] >= 100
                assert forgotten["SCHEDULED"] > 100, "what would go out once more"
                with Fleet(postgres.url, tmp_path) as fleet:  # somebody starts one too early
                    (worker,) = fleet.start(settings_for(sink, lanes=LANES))

                    async def refuses() -> bool:
                        return "restored to an earlier moment" in worker.log

                    await wait_for(refuses, "the worker to notice")
                    assert worker.drain() == 0
                await wait_for(lambda: no_lease(pool), "the last lease to run out")
                assert await check_conservation(pool, soon) == forgotten
                assert len(sink.accepted()) == before

                shell = Shell(tmp_path / "shell", DATABASE_URL=postgres.url, SECRET_KEY=SECRET_KEY)
                ended = await asyncio.to_thread(shell, "take-over")
                assert ended.returncode == 0, ended.stderr
                in_doubt = emails - forgotten["SENT"]
                assert f"campaign {soon} (Hello): {in_doubt} emails in doubt, 0 wait" in ended.stdout
                assert f"campaign {later} (Hello): 0 emails in doubt, 10 wait for later" in ended.stdout

                with Fleet(postgres.url, tmp_path) as fleet:
                    (worker,) = fleet.start(settings_for(sink, lanes=LANES))
                    another = (await schedule_campaign(pool, owner, ["new@example.com"])).campaign.id
                    await wait_for(lambda: one_more(pool, another), "the service to work again")
                    assert len(sink.accepted()) == before + 1
                    await check_service(pool, owner.workspace_id, soon, later, in_doubt)
                    assert worker.drain() == 0
                    assert fleet.complaints() == []
                accepted = Counter(entry.envelope_to for entry in sink.accepted() if entry.envelope_to[0] == "r")
                status_of = await recipients_by_status(pool, soon)
                assert set(accepted) == set(status_of)
                assert max(accepted.values()) == 1
        finally:
            postgres.stop()


async def check_service(pool: Pool, workspace_id: int, soon: int, later: int, in_doubt: int) -> None:
    """Check what a person sees, and do what they do then."""
    assert await check_conservation(pool, soon) == {"SENT": 400 - in_doubt, "UNKNOWN": in_doubt}
    held = await rows(pool, "SELECT reply FROM attempts WHERE outcome = 'UNKNOWN'")
    assert len(held) == in_doubt
    assert "restored" in held[0]["reply"]
    decided = await decisions.resolve_many(pool, workspace_id, Chosen(campaign_id=soon), "sent")
    assert decided.changed == in_doubt
    assert await check_conservation(pool, soon) == {"SENT": 400}
    assert await check_conservation(pool, later) == {"SCHEDULED": 10}
    assert (await campaigns.get_campaign(pool, workspace_id, later)).status == "PAUSED"


async def one_more(pool: Pool, campaign_id: int) -> bool:
    return await sent(pool, campaign_id) == 1


async def test_everything_due_or_being_sent_is_held_and_nothing_else(pool: Pool) -> None:
    owner = await create_owner(pool, hourly_limit=50)
    due = (await schedule_campaign(pool, owner, 30, on_unknown="assume_sent")).campaign.id
    paused = (await schedule_campaign(pool, owner, 5)).campaign.id
    await execute(pool, "UPDATE emails SET scheduled_at = now() + interval '1 hour' WHERE id %% 3 = 0")
    await execute(
        pool,
        "UPDATE emails SET status = 'SENDING', claim_token = gen_random_uuid(), claimed_at = now()"
        " WHERE id = (SELECT min(id) FROM emails WHERE id %% 3 <> 0)",
    )
    await execute(pool, "UPDATE streams SET scheduled = scheduled - 1, sending = 1 WHERE campaign_id = %s", due)
    await campaigns.pause(pool, owner.workspace_id, paused)
    later = await value(pool, "SELECT count(*) FROM emails WHERE scheduled_at > now()")

    first = await after_restore.hold_all(pool)

    assert sum(held.in_doubt for held in first) == 35 - later
    assert sum(held.waiting for held in first) == later
    total = await check_conservation(pool, due) + await check_conservation(pool, paused)
    assert total == {"UNKNOWN": 35 - later, "SCHEDULED": later}
    assert {r["status"] for r in await rows(pool, "SELECT status FROM campaigns")} == {"PAUSED"}
    assert await value(pool, "SELECT sum(used) FROM login_windows") == 35 - later - 1
    assert (await row(pool, "SELECT count(*) AS n FROM audit_log WHERE action = 'campaign.hold'"))["n"] == 3
    again = await after_restore.hold_all(pool)
    assert [held.in_doubt for held in again] == [0, 0]


async def test_what_several_senders_were_sending_is_held_on_each_and_goes_on_from_each(
    pool: Pool, database_url: str, sink: Sink
) -> None:
    owner = await create_owner(pool)
    senders = [owner, *[await add_sender(pool, owner, f"{name}@example.com") for name in ("bob", "eve")]]
    ids = [sender.sender_id for sender in senders]
    made = (await schedule_campaign(pool, owner, 30, sender_ids=ids, on_unknown="resend")).campaign.id
    # The last of each stream come later, and the first of each is at a server.
    last = "UPDATE emails SET scheduled_at = now() + interval '1 hour' WHERE id > (SELECT max(id) - 9 FROM emails)"
    await execute(pool, last)
    await execute(
        pool,
        "UPDATE emails SET status = 'SENDING', claim_token = gen_random_uuid(), claimed_at = now()"
        " WHERE id IN (SELECT min(id) FROM emails GROUP BY stream_id)",
    )
    await execute(pool, "UPDATE streams SET scheduled = scheduled - 1, sending = 1")
    await execute(pool, "UPDATE login_windows SET used = 1")

    (held,) = await after_restore.hold_all(pool)

    assert (held.campaign_id, held.in_doubt, held.waiting) == (made, 21, 9)
    assert await check_conservation(pool, made) == {"UNKNOWN": 21, "SCHEDULED": 9}
    streams = await rows(pool, "SELECT open, unknown, scheduled, window_used FROM streams ORDER BY id")
    assert [(it["open"], it["unknown"], it["scheduled"]) for it in streams] == [(False, 7, 3)] * 3
    decided = await decisions.resolve_many(pool, owner.workspace_id, Chosen(campaign_id=made), "resend")
    assert decided.changed == 21
    await campaigns.resume(pool, owner.workspace_id, made)
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_sent(pool, made)
    assert Counter(entry.envelope_from for entry in sink.accepted()) == dict.fromkeys(
        ["owner@example.com", "bob@example.com", "eve@example.com"], 10
    )


async def test_with_a_worker_at_work_nothing_is_held(pool: Pool) -> None:
    owner = await create_owner(pool)
    campaign = (await schedule_campaign(pool, owner, 3)).campaign.id
    await execute(pool, "INSERT INTO workers VALUES (gen_random_uuid(), 'host:1', now(), now() + interval '1 minute')")
    with pytest.raises(Conflict, match="host:1"):
        await after_restore.hold_all(pool)
    assert await check_conservation(pool, campaign) == {"SCHEDULED": 3}


async def test_a_crash_in_the_middle_leaves_nothing_that_goes_out_and_a_second_run_finishes(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await create_owner(pool)
    ids = [(await schedule_campaign(pool, owner, 250, name=name)).campaign.id for name in ("a", "b")]
    monkeypatch.setattr(after_restore, "BATCH", 100)
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("SELECT FROM emails WHERE campaign_id = %s FOR UPDATE", [ids[1]])
        task = asyncio.create_task(after_restore.hold_all(pool))

        async def at_the_second() -> bool:
            return (await check_conservation(pool, ids[0]))["UNKNOWN"] == 250

        await wait_for(at_the_second, "the first to be held")
        task.cancel()
        await asyncio.wait([task])
    assert await value(pool, "SELECT count(*) FROM campaigns WHERE status = 'ACTIVE'") == 0
    assert await check_conservation(pool, ids[1]) == {"SCHEDULED": 250}
    assert [held.in_doubt for held in await after_restore.hold_all(pool)] == [250]
    assert await value(pool, "SELECT count(*) FROM attempts") == 500


async def test_what_is_reported_while_it_is_held_is_believed(pool: Pool) -> None:
    """A worker whose lease is over may report still; that is no doubt any more."""
    owner = await create_owner(pool)
    campaign = (await schedule_campaign(pool, owner, 2)).campaign.id
    await execute(pool, "UPDATE emails SET status = 'SENDING', claim_token = gen_random_uuid(), claimed_at = now()")
    await execute(pool, "UPDATE streams SET scheduled = 0, sending = 2, open = false")
    await execute(pool, "UPDATE campaigns SET status = 'PAUSED'")
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(b"UPDATE streams SET sending = 1, sent = 1")
        first = b"(SELECT min(id) FROM emails)"
        await conn.execute(
            b"UPDATE emails SET status = 'SENT', claim_token = NULL, sent_at = now() WHERE id = " + first
        )
        task = asyncio.create_task(after_restore.hold_all(pool))
        await wait_until_blocked(pool)
    assert [held.in_doubt for held in await task] == [1]
    assert await check_conservation(pool, campaign) == {"SENT": 1, "UNKNOWN": 1}
