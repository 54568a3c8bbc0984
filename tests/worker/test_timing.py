"""When things leave: never early, on time, spaced, at once stopped, and found again when a wake-up is lost."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil
from statistics import median
from typing import Any

import pytest

from app.db import Pool
from app.domain.campaigns import campaigns, change
from app.domain.campaigns.change import Changes
from app.domain.ledger import decisions, emails, texts
from app.domain.senders import for_workers
from app.jobs import EARLY
from tests.support.engine import (
    Owner,
    addresses,
    check_conservation,
    create_owner,
    execute,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
    wake_all,
)
from tests.support.sinkproc import Sink
from worker.sweep import LONGEST_PAUSE_S
from worker.tasks import Connector


async def _sent(pool: Pool, campaign_id: int, at_least: int) -> bool:
    return (await check_conservation(pool, campaign_id))["SENT"] >= at_least


async def test_nothing_leaves_before_its_time_and_all_leave_in_order(
    database_url: str, pool: Pool, sink: Sink, owner: Owner
) -> None:
    async with running_workers(database_url, settings_for(sink)):
        start = datetime.now(UTC) + timedelta(seconds=2)
        made = await schedule_campaign(pool, owner, 100, start_time=start, delay_between_ms=10)
        await wait_until_sent(pool, made.campaign.id)
    planned = {r["recipient"]: r["scheduled_at"] for r in await rows(pool, "SELECT * FROM emails")}
    assert planned == {to: start + timedelta(milliseconds=10 * i) for i, to in enumerate(addresses(100))}
    assert min(entry.at - planned[entry.envelope_to].timestamp() for entry in sink.accepted()) >= 0


async def test_an_email_scheduled_while_a_worker_waits_for_a_later_one_leaves_at_once(
    database_url: str, pool: Pool, sink: Sink, owner: Owner
) -> None:
    later = datetime.now(UTC) + EARLY  # which a loop waits for in place
    async with running_workers(database_url, settings_for(sink)):
        await schedule_campaign(pool, owner, 1, start_time=later)
        made = await schedule_campaign(pool, owner, ["soon@example.com"])
        await wait_until_sent(pool, made.campaign.id)
    assert sink.accepted()[0].at < later.timestamp()


@pytest.mark.alone  # it measures gaps of milliseconds
async def test_a_paused_campaign_stops_at_once_and_goes_on_spaced(
    database_url: str, pool: Pool, sink: Sink, owner: Owner
) -> None:
    async with running_workers(database_url, settings_for(sink)):
        made = await schedule_campaign(pool, owner, 60, delay_between_ms=50)
        await wait_for(lambda: _sent(pool, made.campaign.id, 5), "the first five")
        await campaigns.pause(pool, owner.workspace_id, made.campaign.id)
        paused_at = time.time()
        await wait_for(lambda: _overdue(pool, 20), "more to be overdue")
        await wait_for(lambda: _nothing_in_flight(pool, made.campaign.id), "what was in flight")
        left = await _let_go(pool)
        assert max(left) < paused_at
        _brings_at_once(sink, left)
        await campaigns.resume(pool, owner.workspace_id, made.campaign.id)
        await wait_until_sent(pool, made.campaign.id)
    gaps = [later - earlier for earlier, later in pairwise((await _let_go(pool))[len(left) :])]
    assert sum(gap < 0.025 for gap in gaps) <= len(gaps) // 5  # one held up now and then makes the next look close


@pytest.mark.alone  # it measures gaps of milliseconds
@pytest.mark.parametrize("delay_ms", [50, 200])
async def test_the_delay_holds_whatever_held_the_emails_up_before(
    database_url: str, pool: Pool, sink: Sink, owner: Owner, delay_ms: int
) -> None:
    """A backlog as after a slow server, what is tried again, a pause: none of them makes it faster."""
    made = await schedule_campaign(pool, owner, 400, delay_between_ms=delay_ms)
    campaign_id = made.campaign.id
    await execute(pool, "UPDATE emails SET scheduled_at = now() - interval '50 s'")
    await execute(pool, "UPDATE emails SET attempts = 1, retry_count = 1 WHERE id %% 2 = 0")
    async with running_workers(database_url, settings_for(sink)):
        await wait_for(lambda: _sent(pool, campaign_id, 10), "the first ten")
        await campaigns.pause(pool, owner.workspace_id, campaign_id)
        await execute(pool, "UPDATE emails SET scheduled_at = now() - interval '50 s' WHERE status = 'SCHEDULED'")
        await execute(pool, "UPDATE streams SET open = true")
        await execute(pool, "UPDATE campaigns SET status = 'ACTIVE'")
        await wake_all(pool)
        await wait_for(lambda: _sent(pool, campaign_id, round(6_000 / delay_ms)), "some seconds' worth")
    left = await _let_go(pool)
    most = ceil(1.1 / (delay_ms / 1000) + 1)
    assert max(sum(begin <= at < begin + 1 for at in left) for begin in left) <= most
    assert left[-1] - left[0] < 1.2 * len(left) * delay_ms / 1000 + 2  # and is not longer than asked for, either
    _brings_at_once(sink, left)


async def _let_go(pool: Pool) -> list[float]:
    """When the ledger gave each email to a lane, by its clock: none is held up yet."""
    return [row["claimed_at"].timestamp() for row in await rows(pool, "SELECT claimed_at FROM attempts ORDER BY 1")]


def _brings_at_once(sink: Sink, left: list[float]) -> None:
    """A busy machine brings some to the server late; those in the middle are there at once."""
    assert median(entry.at - at for entry, at in zip(sink.accepted(), left, strict=True)) < 0.3


async def _overdue(pool: Pool, at_least: int) -> bool:
    query = "SELECT count(*) FROM emails WHERE status = 'SCHEDULED' AND scheduled_at < now()"
    return await value(pool, query) >= at_least


async def test_a_cancelled_campaign_stops_at_once_and_owes_nobody_anything(
    database_url: str, pool: Pool, sink: Sink, owner: Owner
) -> None:
    async with running_workers(database_url, settings_for(sink)):
        made = await schedule_campaign(pool, owner, 100, delay_between_ms=50)
        await wait_for(lambda: _sent(pool, made.campaign.id, 5), "the first five")
        cancelled = await campaigns.cancel(pool, owner.workspace_id, made.campaign.id)
        cancelled_at = time.time()
        assert cancelled.counts["SCHEDULED"] == 0
        await wait_for(lambda: _nothing_in_flight(pool, made.campaign.id), "what was in flight")
    counts = await check_conservation(pool, made.campaign.id)
    assert counts["SENT"] + counts["CANCELLED"] == 100
    assert len(sink.accepted()) == counts["SENT"]
    left = await _let_go(pool)
    assert max(left) < cancelled_at
    _brings_at_once(sink, left)
    assert (await campaigns.get_campaign(pool, owner.workspace_id, made.campaign.id)).status == "CANCELLED"


async def _nothing_in_flight(pool: Pool, campaign_id: int) -> bool:
    return (await check_conservation(pool, campaign_id))["SENDING"] == 0


async def test_the_rest_of_a_cancel_too_large_for_one_transaction_is_done_by_the_sweep(
    database_url: str, pool: Pool, sink: Sink, owner: Owner
) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    made = await schedule_campaign(pool, owner, campaigns.CANCEL_BATCH * 2 + 1, start_time=later)
    cancelled = await campaigns.cancel(pool, owner.workspace_id, made.campaign.id)
    assert cancelled.counts["CANCELLED"] == campaigns.CANCEL_BATCH
    async with running_workers(database_url, settings_for(sink)):
        await wait_for(lambda: _all_cancelled(pool, made.campaign.id), "the rest to be cancelled")


async def _all_cancelled(pool: Pool, campaign_id: int) -> bool:
    return set(await check_conservation(pool, campaign_id)) == {"CANCELLED"}


async def test_a_campaign_whose_worker_was_away_is_spaced_anew_and_not_sent_in_a_burst(
    database_url: str, pool: Pool, sink: Sink, owner: Owner
) -> None:
    made = await schedule_campaign(pool, owner, 30, delay_between_ms=1000)
    await execute(pool, "UPDATE streams SET start_at = start_at - interval '10 minutes'")
    await execute(pool, "UPDATE emails SET scheduled_at = scheduled_at - interval '10 minutes'")
    before = await value(pool, "SELECT now()")
    async with running_workers(database_url, settings_for(sink)):
        await wait_for(lambda: _sent(pool, made.campaign.id, 2), "the first two")
    planned = [r["scheduled_at"] for r in await rows(pool, "SELECT scheduled_at FROM emails ORDER BY id")]
    assert planned[0] >= before
    assert {later - earlier for earlier, later in pairwise(planned)} == {timedelta(seconds=1)}
    assert len(sink.accepted()) <= 4


async def test_changed_words_are_in_what_is_sent_from_then_on(
    database_url: str, pool: Pool, sink: Sink, owner: Owner
) -> None:
    made = await schedule_campaign(pool, owner, 2)
    await execute(
        pool, "UPDATE emails SET scheduled_at = now() + interval '1 hour' WHERE id = (SELECT max(id) FROM emails)"
    )
    async with running_workers(database_url, settings_for(sink)):
        await wait_for(lambda: _sent(pool, made.campaign.id, 1), "the first")
        changed = await change.change(pool, owner.workspace_id, made.campaign.id, Changes(subject="Better words"))
        assert changed.subject == "Better words"
        await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE status = 'SCHEDULED'")
        await wake_all(pool)
        await wait_until_sent(pool, made.campaign.id)
    # And the ledger goes on telling who got which.
    first, second = [row["id"] for row in await rows(pool, "SELECT id FROM emails ORDER BY sent_at")]
    for email_id, subject in ((first, made.campaign.subject), (second, "Better words")):
        message = await texts.get_message(pool, owner.workspace_id, email_id, "https://example.com")
        assert (message.subject, message.as_sent) == (subject, True)
        assert (await emails.get_email(pool, owner.workspace_id, email_id)).subject == subject


async def test_a_wake_up_from_before_it_listens_is_not_left_to_the_next_poll(
    database_url: str, pool: Pool, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.__main__.POLLING_INTERVAL_S", 3600)
    listen, may_listen = Connector.listen_notify, asyncio.Event()

    async def listen_late(connector: Connector, *args: Any, **kwargs: Any) -> None:
        await may_listen.wait()
        await listen(connector, *args, **kwargs)

    monkeypatch.setattr(Connector, "listen_notify", listen_late)
    before = await schedule_campaign(pool, await create_owner(pool, "before@example.com"), 1)
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_sent(pool, before.campaign.id)  # so it has looked
        made = await schedule_campaign(pool, owner, 1)
        may_listen.set()
        await wait_until_sent(pool, made.campaign.id)


async def test_a_lost_wake_up_is_made_up_for(database_url: str, pool: Pool, sink: Sink, owner: Owner) -> None:
    made = await schedule_campaign(pool, owner, 3)
    assert await execute(pool, "DELETE FROM procrastinate_jobs") == 1
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_sent(pool, made.campaign.id)


async def test_what_a_drained_worker_was_waiting_for_leaves_on_time_under_the_next(
    database_url: str, pool: Pool, sink: Sink, owner: Owner
) -> None:
    start = datetime.now(UTC) + timedelta(seconds=4)
    async with running_workers(database_url, settings_for(sink)):
        made = await schedule_campaign(pool, owner, 1, start_time=start)
        await wait_for(lambda: _no_wake_up_left(pool), "the wake-up to be taken")
    async with running_workers(database_url, settings_for(sink, lease_s=60)):
        await wait_until_sent(pool, made.campaign.id)
    (entry,) = sink.accepted()
    assert 0 <= entry.at - start.timestamp() < LONGEST_PAUSE_S, "a sweep did not have to find it"


async def _no_wake_up_left(pool: Pool) -> bool:
    return await value(pool, "SELECT count(*) FROM procrastinate_jobs") == 0


async def test_a_retried_email_leaves_at_once(database_url: str, pool: Pool, sink: Sink, owner: Owner) -> None:
    sink.script([{"when": {"times": 1}, "at": "rcpt", "do": "552 5.2.2 mailbox full"}])
    async with running_workers(database_url, settings_for(sink)):
        made = await schedule_campaign(pool, owner, 1)
        await wait_for(lambda: _failed(pool, made.campaign.id), "the refusal")
        email_id = await value(pool, "SELECT id FROM emails")
        await decisions.retry(pool, owner.workspace_id, email_id)
        await wait_until_sent(pool, made.campaign.id)
    email = await emails.get_email(pool, owner.workspace_id, email_id)
    assert [attempt.outcome for attempt in email.attempts] == ["REJECTED", "ACCEPTED"]


async def _failed(pool: Pool, campaign_id: int) -> bool:
    return (await check_conservation(pool, campaign_id))["FAILED"] == 1


@pytest.mark.parametrize("ahead_s", [0, 5])
async def test_a_sender_whose_wake_up_waits_in_the_queue_is_not_neglected(
    pool: Pool, owner: Owner, ahead_s: float
) -> None:
    """Of thousands that are due at once each was woken once more by every sweep, while the first wake-ups waited."""
    await schedule_campaign(pool, owner, 3, start_time=datetime.now(UTC) + timedelta(seconds=ahead_s))
    assert await for_workers.wake_neglected(pool, 10) == []
    await execute(pool, "DELETE FROM procrastinate_jobs")
    assert await for_workers.wake_neglected(pool, 10) == [owner.sender_id]
    assert await for_workers.wake_neglected(pool, 10) == []
    assert await value(pool, "SELECT count(*) FROM procrastinate_jobs") == 1
