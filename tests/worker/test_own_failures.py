"""Errors of ours: they stop what they are in, and no email pays for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.db import Pool
from app.domain.campaigns import building
from app.domain.senders import for_workers
from app.domain.webhooks import deliveries
from app.mail.message import MessageBuilder
from tests.support.engine import (
    Fleet,
    Owner,
    attempts,
    check_conservation,
    execute,
    row,
    running_workers,
    schedule_campaign,
    settings_for,
    statuses,
    the_clock_moves_on,
    value,
    wait_for,
    wait_until_sent,
    wait_until_settled,
)
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S
from worker import handover, retention
from worker.smtp import Conversation


async def test_housekeeping_that_fails_ends_nothing_and_is_tried_again(
    pool: Pool, sink: Sink, owner: Owner, database_url: str, tmp_path: Path
) -> None:
    """As with an index that is corrupt: each removal of old login attempts fails."""
    await execute(
        pool,
        "CREATE FUNCTION corrupt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'index contains unexpected zero page' USING ERRCODE = 'XX002'; END $$",
    )
    await execute(
        pool, "CREATE TRIGGER corrupt BEFORE DELETE ON login_attempts FOR EACH STATEMENT EXECUTE FUNCTION corrupt()"
    )
    with Fleet(database_url, tmp_path) as fleet:
        (worker,) = fleet.start(settings_for(sink, lanes=4, lease_s=20))

        async def failed() -> bool:
            return bool(fleet.logged("housekeeping failed"))

        await wait_for(failed, "the removal to fail")
        await wait_until_sent(pool, (await schedule_campaign(pool, owner, 200)).campaign.id)
        assert worker.drain() == 0
        assert fleet.complaints() == []


async def test_each_step_of_the_sweep_is_by_itself(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The waking of senders fails, by the database or not; emails of a dead worker are put in doubt all the same."""
    failures = iter([psycopg.errors.IndexCorrupted("zero page"), KeyError("id"), *[RuntimeError("again")] * 1000])

    async def broken(*_: Any) -> Any:
        raise next(failures)

    monkeypatch.setattr(for_workers, "wake_neglected", broken)
    monkeypatch.setattr(retention.retention, "begin", broken)
    swept = asyncio.Event()

    async def woken(_: Pool) -> None:
        swept.set()

    monkeypatch.setattr(deliveries, "wake_neglected", woken)
    async with running_workers(database_url, settings_for(sink)):
        await asyncio.wait_for(swept.wait(), BOUND_S)
        await wait_until_sent(pool, (await schedule_campaign(pool, owner, 20)).campaign.id)


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "FIRST_RETRY_S", 0.5)


@pytest.mark.usefixtures("_soon")
async def test_a_message_builder_that_fails_for_a_passing_reason_costs_no_email_anything(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = building.message_builder
    failures = iter([psycopg.errors.IndexCorrupted("zero page"), RuntimeError("passing")])

    async def fails_twice(*args: Any, **more: Any) -> Any:
        if error := next(failures, None):
            raise error
        return await whole(*args, **more)

    monkeypatch.setattr(building, "message_builder", fails_twice)
    # Of one lane: lanes that wait for the same builder share its failure, an email each.
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        campaign = (await schedule_campaign(pool, owner, 20)).campaign.id
        await wait_until_sent(pool, campaign)
    assert await value(pool, "SELECT count(*) FROM emails WHERE retry_count > 0") == 0
    assert await value(pool, "SELECT count(*) FROM attempts WHERE reply LIKE 'internal error%%'") == 2
    sender = await row(pool, "SELECT failures, block_reason FROM senders")
    assert sender == {"failures": 0, "block_reason": None}


async def test_an_error_of_ours_with_one_email_is_not_booked_on_it_and_stops_no_other(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = MessageBuilder.build

    def fails_for_one(self: MessageBuilder, recipient: str, *args: Any) -> Any:
        if recipient == "r3@example.com":
            raise KeyError("no rule foresees this")
        return whole(self, recipient, *args)

    monkeypatch.setattr(MessageBuilder, "build", fails_for_one)
    async with running_workers(database_url, settings_for(sink, lanes=2)):
        campaign = (await schedule_campaign(pool, owner, 20)).campaign.id

        async def others_sent() -> bool:
            return await statuses(pool, campaign) == {"SENT": 19, "SCHEDULED": 1}

        await wait_for(others_sent, "the others to be sent")
        monkeypatch.setattr(MessageBuilder, "build", whole)
        await the_clock_moves_on(pool, timedelta(minutes=3))
        await wait_until_sent(pool, campaign)
    first, second = await attempts(pool, campaign, "r3@example.com")
    assert (first["outcome"], second["outcome"]) == ("RELEASED", "ACCEPTED")
    assert first["reply"] == "internal error (KeyError); the worker's log has it all"
    assert await value(pool, "SELECT failures FROM senders") == 0


async def test_an_error_of_ours_with_every_email_backs_the_sender_off(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise KeyError("no rule foresees this")

    monkeypatch.setattr(MessageBuilder, "build", fails)
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        campaign = (await schedule_campaign(pool, owner, 200)).campaign.id

        async def backed_off() -> bool:
            return await value(pool, "SELECT failures FROM senders") == 1

        await wait_for(backed_off, "the sender to be backed off")
    assert await check_conservation(pool, campaign) == {"SCHEDULED": 200}
    assert await value(pool, "SELECT count(*) FROM attempts") <= 2 * handover.MOST_NOT_WRITTEN
    assert "internal error (KeyError)" in await value(pool, "SELECT block_reason FROM senders")


async def test_an_error_of_ours_after_the_servers_250_leaves_it_a_250(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await execute(pool, "UPDATE senders SET failures = 1")

    async def broken(*_: Any) -> Any:
        raise psycopg.errors.IndexCorrupted("zero page")

    monkeypatch.setattr(for_workers, "unblock_sender", broken)
    async with running_workers(database_url, settings_for(sink, lanes=2)):
        campaign = (await schedule_campaign(pool, owner, 20)).campaign.id
        assert await wait_until_settled(pool, campaign) == {"SENT": 20}
    assert len(sink.accepted()) == 20


async def test_an_error_of_ours_before_the_message_gives_the_email_back(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Conversation._envelope
    failures = iter([ValueError("an address has a control character")])

    def fails_once(self: Conversation, *args: Any) -> Any:
        if error := next(failures, None):
            raise error
        return whole(self, *args)

    monkeypatch.setattr(Conversation, "_envelope", fails_once)
    async with running_workers(database_url, settings_for(sink, lanes=2)):
        campaign = (await schedule_campaign(pool, owner, 5)).campaign.id
        await wait_until_sent(pool, campaign)
    assert len(sink.accepted()) == 5


async def test_a_sender_loop_that_fails_altogether_begins_anew_and_ends_nothing_else(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = for_workers.load_sender
    failures = iter([psycopg.errors.IndexCorrupted("zero page")])

    async def fails_once(*args: Any) -> Any:
        if error := next(failures, None):
            raise error
        return await whole(*args)

    monkeypatch.setattr(for_workers, "load_sender", fails_once)
    async with running_workers(database_url, settings_for(sink, lanes=2)):
        await wait_until_sent(pool, (await schedule_campaign(pool, owner, 5)).campaign.id)
    assert await value(pool, "SELECT failures FROM senders") == 0
