"""Limits hold over all workers: a sender's and a campaign's per clock hour, a sender's open connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.db import Pool
from app.domain.campaigns import campaigns, change
from app.domain.campaigns.change import Changes
from app.domain.senders.draft import SenderChanges, Server
from app.domain.senders.senders import change_sender
from app.errors import Conflict
from app.secrets import SecretBox
from tests.support.engine import (
    ANYWHERE,
    NO_LIMIT,
    Owner,
    addresses,
    check_conservation,
    clear_of_the_hour,
    create_owner,
    execute,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    the_clock_moves_on,
    value,
    wait_for,
    wait_until_sent,
)
from tests.support.mailserver import mail_server
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S

HOUR = timedelta(hours=1)
WORKERS = 3


@pytest.fixture
async def fifty_an_hour(pool: Pool) -> Owner:
    await clear_of_the_hour()
    return await create_owner(pool, hourly_limit=50)


async def _windows(pool: Pool, campaign_id: int | None = None) -> dict[int, int]:
    """How many emails wait in each clock hour, counted from the current one."""
    found = await rows(
        pool,
        """
        SELECT extract(epoch FROM date_trunc('hour', scheduled_at, 'UTC') - this_hour())::integer
               / 3600 AS hour, count(*) AS n
        FROM emails WHERE status = 'SCHEDULED' AND campaign_id = coalesce(%s, campaign_id) GROUP BY 1 ORDER BY 1
        """,
        campaign_id,
    )
    return {r["hour"]: r["n"] for r in found}


async def _make_all_due(pool: Pool) -> None:
    """As if the plan had fallen behind: everything is due now, in the same order."""
    await execute(pool, "UPDATE emails SET scheduled_at = now() - interval '1 second' + id * interval '1 microsecond'")


async def _handed_over(sink: Sink, count: int) -> None:
    """Wait for that many to be accepted, and then for the engine to have nothing more to say."""

    async def reached() -> bool:
        return len(sink.accepted()) >= count

    await wait_for(reached, f"{count} to be accepted")


async def _at_rest(pool: Pool) -> None:
    """No sender loop is at work any more and no wake-up waits to be looked at: nothing will be sent this hour."""
    query = """
        SELECT (SELECT count(*) FROM lanes) AS lanes,
               (SELECT count(*) FROM emails WHERE status = 'SENDING') AS sending,
               (SELECT count(*) FROM emails
                WHERE status = 'SCHEDULED' AND scheduled_at < now() + interval '1 minute') AS due,
               (SELECT count(*) FROM procrastinate_jobs
                WHERE status = 'doing' OR status = 'todo' AND coalesce(scheduled_at, now()) <= now()) AS wake_ups
    """
    seen: list[dict[str, int]] = []

    async def at_rest() -> bool:
        seen[:] = await rows(pool, query)
        return not any(seen[0].values())

    try:
        await wait_for(at_rest, "the engine to come to rest")
    except AssertionError as error:
        raise AssertionError(seen) from error


async def test_of_500_due_emails_50_leave_each_hour_and_the_rest_waits_in_order(
    pool: Pool, database_url: str, sink: Sink, fifty_an_hour: Owner
) -> None:
    campaign = (await schedule_campaign(pool, fifty_an_hour, 500)).campaign.id
    await _make_all_due(pool)
    async with running_workers(database_url, settings_for(sink), WORKERS):
        for hour in range(3):
            await _handed_over(sink, 50 * (hour + 1))
            await _at_rest(pool)

            assert len(sink.accepted()) == 50 * (hour + 1)
            assert await check_conservation(pool, campaign) == {"SENT": 50 * (hour + 1), "SCHEDULED": 450 - 50 * hour}
            assert await _windows(pool) == dict.fromkeys(range(1, 10 - hour), 50)
            assert await value(pool, "SELECT used FROM login_windows ORDER BY window_start DESC LIMIT 1") == 50
            await the_clock_moves_on(pool, HOUR)
    # In order, as near as eight lanes in three workers come to it: each hour the next fifty.
    sent = [entry.envelope_to for entry in sink.accepted()]
    assert [Counter(sent[i : i + 50]) for i in range(0, 150, 50)] == [
        Counter(addresses(500)[i : i + 50]) for i in range(0, 150, 50)
    ]
    assert await value(pool, "SELECT max(attempts) FROM emails") == 1


async def test_a_campaigns_own_limit_holds_as_well(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    await clear_of_the_hour()
    campaign = (await schedule_campaign(pool, owner, 100, hourly_limit=30)).campaign.id
    await _make_all_due(pool)
    async with running_workers(database_url, settings_for(sink), WORKERS):
        for hour in range(2):
            await _handed_over(sink, 30 * (hour + 1))
            await _at_rest(pool)

            assert len(sink.accepted()) == 30 * (hour + 1)
            assert await check_conservation(pool, campaign) == {"SENT": 30 * (hour + 1), "SCHEDULED": 70 - 30 * hour}
            assert await _windows(pool) == ({1: 30, 2: 30, 3: 10} if hour == 0 else {1: 30, 2: 10})
            await the_clock_moves_on(pool, HOUR)


async def test_two_campaigns_of_a_sender_share_its_limit(
    pool: Pool, database_url: str, sink: Sink, fifty_an_hour: Owner
) -> None:
    first = (await schedule_campaign(pool, fifty_an_hour, addresses(60, "a"))).campaign.id
    second = (await schedule_campaign(pool, fifty_an_hour, addresses(60, "b"))).campaign.id
    await _make_all_due(pool)
    async with running_workers(database_url, settings_for(sink), WORKERS):
        await _handed_over(sink, 50)
        await _at_rest(pool)

        assert len(sink.accepted()) == 50
        assert (await check_conservation(pool, first)) + (await check_conservation(pool, second)) == {
            "SENT": 50,
            "SCHEDULED": 70,
        }
        assert await _windows(pool) == {1: 50, 2: 20}


async def test_two_senders_do_not_share_a_limit(
    pool: Pool, database_url: str, sink: Sink, fifty_an_hour: Owner
) -> None:
    other = await create_owner(pool, "other@example.com", hourly_limit=20)
    await schedule_campaign(pool, fifty_an_hour, addresses(60, "a"))
    await schedule_campaign(pool, other, addresses(60, "b"))
    await _make_all_due(pool)
    async with running_workers(database_url, settings_for(sink), WORKERS):
        await _handed_over(sink, 70)
        await _at_rest(pool)

    assert Counter(entry.envelope_to[0] for entry in sink.accepted()) == {"a": 50, "b": 20}


async def test_handovers_that_never_began_are_given_back_and_the_limit_is_still_reached(
    pool: Pool, database_url: str, sink: Sink, fifty_an_hour: Owner
) -> None:
    sink.script([{"at": "mail", "when": {"after": 3}, "do": "421 4.7.0 Too many messages in this connection"}])
    await schedule_campaign(pool, fifty_an_hour, 70)
    await execute(pool, "UPDATE emails SET scheduled_at = now() - interval '1 second' WHERE id <= 50")
    async with running_workers(database_url, settings_for(sink, lanes=2), WORKERS):
        await _handed_over(sink, 50)
        await _at_rest(pool)

    assert len(sink.accepted()) == 50
    assert await value(pool, "SELECT released FROM login_windows") > 0
    assert await value(pool, "SELECT used FROM login_windows") == 50


@pytest.mark.parametrize(
    ("ends", "first"),
    [
        ("", {"used": 1, "accepted": 1, "released": 0}),
        ("421 4.3.2 shutting down", {"used": 0, "accepted": 0, "released": 1}),
    ],
)
async def test_what_is_claimed_in_one_hour_and_ends_in_the_next_counts_in_the_first(
    pool: Pool, database_url: str, sink: Sink, fifty_an_hour: Owner, ends: str, first: dict[str, int]
) -> None:
    await schedule_campaign(pool, fifty_an_hour, 1)

    async def reported() -> bool:
        return await value(pool, "SELECT count(*) FROM attempts") == 1

    async with (
        mail_server() as there,
        running_workers(database_url, settings_for(sink, lanes=1), fallback=there.address),
    ):
        there.stop_reading_after, there.refuse_at_end = 1, ends
        await asyncio.wait_for(there.stopped.wait(), BOUND_S)
        await the_clock_moves_on(pool, HOUR)
        there.go_on.set()
        await wait_for(reported, "the outcome")
    windows = await rows(pool, "SELECT used, accepted, released FROM login_windows ORDER BY window_start")
    assert windows[0] == first
    assert all(not any(later.values()) for later in windows[1:])


@pytest.mark.parametrize("at_most", [1, 4])
async def test_max_connections_of_a_sender_holds_over_all_workers(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox, at_most: int
) -> None:
    sink.script({"dot": {"slow": 0.02}})
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(max_connections=at_most))
    campaign = (await schedule_campaign(pool, owner, 100)).campaign.id
    async with running_workers(database_url, settings_for(sink), WORKERS):
        await wait_until_sent(pool, campaign)

    assert sink.stats()["max_open"] == at_most


async def test_a_worker_takes_over_the_connections_another_gives_up(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox
) -> None:
    sink.script({"dot": {"slow": 0.02}})
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(max_connections=2))
    campaign = (await schedule_campaign(pool, owner, 2_000)).campaign.id

    async def sent(count: int) -> bool:
        return (await check_conservation(pool, campaign))["SENT"] >= count

    async with running_workers(database_url, settings_for(sink)):
        async with running_workers(database_url, settings_for(sink)):
            await wait_for(lambda: sent(50), "50 to be sent")
        left = await check_conservation(pool, campaign)
        assert left["SCHEDULED"] > 200
        await wait_for(lambda: sent(left["SENT"] + 200), "200 more to be sent")
        await campaigns.cancel(pool, owner.workspace_id, campaign)
    assert sink.stats()["max_open"] == 2


async def test_a_lowered_max_connections_takes_effect_while_sending(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox
) -> None:
    sink.script({"dot": {"slow": 0.02}})
    campaign = (await schedule_campaign(pool, owner, 5_000)).campaign.id

    async def open_connections(count: int) -> bool:
        return sink.stats()["open"] == count

    async with running_workers(database_url, settings_for(sink)):
        await wait_for(lambda: open_connections(8), "all lanes to be open")
        await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(max_connections=2))
        await wait_for(lambda: open_connections(2), "the other lanes to close")
        assert (await check_conservation(pool, campaign))["SCHEDULED"] > 0
        await campaigns.cancel(pool, owner.workspace_id, campaign)


async def test_a_changed_server_is_taken_on_by_every_worker_that_is_sending(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox
) -> None:
    sink.script({"dot": {"slow": 0.2}})
    await schedule_campaign(pool, owner, 1000)

    async def both_at_work() -> bool:
        return await value(pool, "SELECT count(DISTINCT claim_token) FROM emails WHERE status = 'SENDING'") == 2

    async def left() -> bool:
        return sink.stats()["open"] == 0

    with Sink() as other:
        async with running_workers(database_url, settings_for(sink, lanes=2), 2):
            await wait_for(both_at_work, "both workers to send")
            server = Server("127.0.0.1", other.port, "none")
            await change_sender(
                pool, box, owner.workspace_id, owner.sender_id, SenderChanges(server=server), policy=ANYWHERE
            )
            await wait_for(left, "the old server to be left")
            await asyncio.to_thread(other.wait, messages=1)
        assert len(sink.accepted()) < 500
        assert other.accepted()


async def test_a_raised_limit_takes_effect_without_a_restart(
    pool: Pool, database_url: str, sink: Sink, fifty_an_hour: Owner, box: SecretBox
) -> None:
    campaign = (await schedule_campaign(pool, fifty_an_hour, 300)).campaign.id
    async with running_workers(database_url, settings_for(sink), 2):
        await _handed_over(sink, 50)
        await _at_rest(pool)
        await change_sender(
            pool, box, fifty_an_hour.workspace_id, fifty_an_hour.sender_id, SenderChanges(hourly_limit=200)
        )
        await _handed_over(sink, 200)
        await _at_rest(pool)

        assert len(sink.accepted()) == 200
        assert await check_conservation(pool, campaign) == {"SENT": 200, "SCHEDULED": 100}
        assert await _windows(pool) == {1: 100}


async def test_a_lowered_limit_takes_effect_while_sending(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox
) -> None:
    await clear_of_the_hour()
    slow = {"slow": 0.02}
    sink.script([{"at": "dot", "when": {"times": 60}, "do": slow}, {"at": "dot", "do": "hold"}])  # 100 are not reached
    campaign = (await schedule_campaign(pool, owner, 1000)).campaign.id
    async with running_workers(database_url, settings_for(sink), 2):
        await _handed_over(sink, 20)
        await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=100))
        sink.script({"dot": slow})
        sink.release()
        await _handed_over(sink, 100)
        await _at_rest(pool)

        assert len(sink.accepted()) == 100
        assert await check_conservation(pool, campaign) == {"SENT": 100, "SCHEDULED": 900}
        # Emails just being claimed when they were planned again move to the next hour, ahead of what is planned there.
        windows = await _windows(pool)
        assert sum(windows.values()) == 900
        assert set(windows) == set(range(1, 10))
        assert max(windows.values()) <= 100 + 2 * 8


async def test_when_a_limit_is_lowered_the_older_campaign_keeps_its_place_before_the_younger(
    pool: Pool, owner: Owner, box: SecretBox
) -> None:
    await clear_of_the_hour()
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=100))
    older = (await schedule_campaign(pool, owner, addresses(300, "a"), hourly_limit=50)).campaign.id
    younger = (await schedule_campaign(pool, owner, addresses(300, "b"), hourly_limit=50)).campaign.id
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=20))

    assert sum((await _windows(pool)).values()) == 600
    assert set((await _windows(pool)).values()) == {20}
    assert list(await _windows(pool, older)) == list(range(15))
    assert list(await _windows(pool, younger)) == list(range(15, 30))


async def test_a_changed_delay_takes_effect_without_a_restart(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    campaign = (await schedule_campaign(pool, owner, 20, delay_between_ms=3_600_000)).campaign.id
    async with running_workers(database_url, settings_for(sink)):
        await _handed_over(sink, 1)
        await change.change(pool, owner.workspace_id, campaign, Changes(delay_between_ms=20))
        await wait_until_sent(pool, campaign)

    times = [entry.at for entry in sink.accepted()][1:]
    planned = await rows(pool, "SELECT extract(epoch FROM scheduled_at)::float8 AS at FROM emails ORDER BY id")
    assert [round(b["at"] - a["at"], 3) for a, b in pairwise(planned[1:])] == [0.02] * 18
    assert all(time >= plan["at"] for time, plan in zip(sorted(times), planned[1:], strict=True))


async def test_a_changed_campaign_limit_takes_effect_without_a_restart(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    await clear_of_the_hour()
    campaign = (await schedule_campaign(pool, owner, 100, hourly_limit=10)).campaign.id
    async with running_workers(database_url, settings_for(sink)):
        await _handed_over(sink, 10)
        await change.change(pool, owner.workspace_id, campaign, Changes(hourly_limit=40))
        await _handed_over(sink, 40)
        await _at_rest(pool)
        assert len(sink.accepted()) == 40

        await change.change(pool, owner.workspace_id, campaign, Changes(hourly_limit=None))
        await wait_until_sent(pool, campaign)


async def test_changes_while_many_workers_trade_never_deadlock(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox
) -> None:
    too_many = {"at": "mail", "when": {"after": 2}, "do": "421 4.7.0 Too many messages in this connection"}
    sink.script([too_many, {"at": "rcpt", "do": {"slow": 0.02}}])
    running = [(await schedule_campaign(pool, owner, addresses(100, f"c{n}x"))).campaign.id for n in range(6)]

    async def unsettle(number: int, campaign: int) -> None:
        for delay_ms in range(5):
            with suppress(Conflict):  # it may be finished by now
                await campaigns.pause(pool, owner.workspace_id, campaign)
                await change.change(pool, owner.workspace_id, campaign, Changes(delay_between_ms=delay_ms))
                await campaigns.resume(pool, owner.workspace_id, campaign)
            limit = SenderChanges(hourly_limit=1_000_000 + 10 * number + delay_ms)
            await change_sender(pool, box, owner.workspace_id, owner.sender_id, limit)

    async with running_workers(database_url, settings_for(sink), WORKERS):
        await asyncio.gather(*(unsettle(number, campaign) for number, campaign in enumerate(running)))
        for campaign in running:
            await wait_until_sent(pool, campaign)
    assert len(sink.accepted()) == 600
    assert await value(pool, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0


async def test_what_a_full_hour_put_off_comes_forward_when_the_limit_is_lifted(
    pool: Pool, box: SecretBox, owner: Owner
) -> None:
    """Scheduled without a start time while the sender's hours were full: it was to begin at once, not hours later."""
    await clear_of_the_hour()
    workspace_id, sender_id = owner
    await change_sender(pool, box, workspace_id, sender_id, SenderChanges(hourly_limit=2))
    await schedule_campaign(pool, owner, addresses(5, "first"))
    later = await schedule_campaign(pool, owner, addresses(3, "second"))
    assert later.first_at > datetime.now(UTC) + timedelta(minutes=60)
    await change_sender(pool, box, workspace_id, sender_id, SenderChanges(hourly_limit=NO_LIMIT))
    assert await value(pool, "SELECT max(scheduled_at) <= now() FROM emails")
