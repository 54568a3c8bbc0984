"""A worker killed while the server has its message: what the campaign's policy makes of an email in doubt."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.db import Pool
from app.domain.campaigns import campaigns
from tests.support.engine import (
    Fleet,
    Owner,
    attempts,
    campaign_status,
    check_conservation,
    create_owner,
    rows,
    schedule_campaign,
    settings_for,
    the_clock_moves_on,
    value,
    wait_for,
    wait_until_settled,
)
from tests.support.sinkproc import Sink

ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
async def owner(pool: Pool) -> Owner:
    return await create_owner(pool)


async def _die_at_the_dot(pool: Pool, owner: Owner, fleet: Fleet, sink: Sink, people: list[str], **draft: Any) -> int:
    """The campaign; its first message is accepted by the server, and the worker is killed before it hears of it."""
    sink.script([{"at": "dot", "do": "hold", "when": {"times": 1}}])
    (worker,) = fleet.start(settings_for(sink, lanes=1))
    campaign = (await schedule_campaign(pool, owner, people, **draft)).campaign.id
    await asyncio.to_thread(sink.wait, held=1)
    worker.kill()
    return campaign


@pytest.mark.parametrize(
    ("policy", "ends", "outcomes", "copies"),
    [
        ("hold", "UNKNOWN", ["UNKNOWN"], 1),
        ("assume_sent", "SENT", ["UNKNOWN"], 1),
        ("resend", "SENT", ["UNKNOWN", "ACCEPTED"], 2),
    ],
)
async def test_an_email_of_a_killed_worker_goes_by_its_campaigns_policy(
    pool: Pool, owner: Owner, fleet: Fleet, sink: Sink, policy: str, ends: str, outcomes: list[str], copies: int
) -> None:
    campaign = await _die_at_the_dot(pool, owner, fleet, sink, [ANN, BOB], on_unknown=policy)
    fleet.start(settings_for(sink, lanes=1))
    await wait_for(lambda: rows(pool, "SELECT FROM attempts WHERE outcome = 'UNKNOWN'"), "the lease to run out")
    await the_clock_moves_on(pool, timedelta(minutes=6))  # a second sending waits as long as a retry
    counts = await wait_until_settled(pool, campaign)

    assert counts == ({"SENT": 1, "UNKNOWN": 1} if ends == "UNKNOWN" else {"SENT": 2})
    assert await campaign_status(pool, campaign) == "FINISHED"
    tries = await attempts(pool, campaign, ANN)
    assert [attempt["outcome"] for attempt in tries] == outcomes
    assert "lost" in tries[0]["reply"]
    assert [entry.envelope_to for entry in sink.accepted()].count(ANN) == copies
    assert [entry.envelope_to for entry in sink.accepted()].count(BOB) == 1
    assert len({entry.message_id for entry in sink.accepted()}) == 2
    assert await value(pool, "SELECT sum(used) FROM login_windows") == 1 + copies


async def test_an_email_that_two_workers_died_of_is_not_sent_again_by_policy(
    pool: Pool, owner: Owner, fleet: Fleet, sink: Sink
) -> None:
    sink.script([{"at": "dot", "do": "hold", "when": {"to": ANN}}])
    campaign = (await schedule_campaign(pool, owner, [ANN, BOB], on_unknown="resend")).campaign.id
    lost = "SELECT FROM attempts WHERE worker_lost OFFSET %s"
    (worker,) = fleet.start(settings_for(sink, lanes=1))
    for deaths, messages in ((1, 1), (2, 3)):  # to Ann; to Bob and to Ann again
        await asyncio.to_thread(sink.wait, held=1, messages=messages)
        worker.kill()
        (worker,) = fleet.start(settings_for(sink, lanes=1))
        await wait_for(lambda n=deaths: rows(pool, lost, n - 1), "the lease to run out")
        await the_clock_moves_on(pool, timedelta(minutes=6))

    assert await wait_until_settled(pool, campaign) == {"UNKNOWN": 1, "SENT": 1}
    first, second = await attempts(pool, campaign, ANN)
    assert [first["outcome"], second["outcome"]] == ["UNKNOWN", "UNKNOWN"]
    assert first["reply"] == "the worker that was sending it was lost"
    assert second["reply"] == first["reply"] + ", as one was before: it is not sent again by itself"


async def test_nothing_in_doubt_is_sent_again_once_its_campaign_is_cancelled(
    pool: Pool, owner: Owner, fleet: Fleet, sink: Sink
) -> None:
    campaign = await _die_at_the_dot(pool, owner, fleet, sink, [ANN, BOB], on_unknown="resend")
    await campaigns.cancel(pool, owner.workspace_id, campaign)
    fleet.start(settings_for(sink, lanes=1))

    assert await wait_until_settled(pool, campaign) == {"UNKNOWN": 1, "CANCELLED": 1}
    assert len(sink.accepted()) == 1


async def test_an_email_to_be_resent_waits_while_its_campaign_is_paused(
    pool: Pool, owner: Owner, fleet: Fleet, sink: Sink
) -> None:
    campaign = await _die_at_the_dot(pool, owner, fleet, sink, [ANN], on_unknown="resend")
    await campaigns.pause(pool, owner.workspace_id, campaign)
    fleet.start(settings_for(sink, lanes=1))

    async def recovered() -> bool:
        return await check_conservation(pool, campaign) == {"SCHEDULED": 1}

    await wait_for(recovered, "the email to be scheduled again")
    assert len(sink.accepted()) == 1
    await the_clock_moves_on(pool, timedelta(minutes=6))
    await campaigns.resume(pool, owner.workspace_id, campaign)
    assert await wait_until_settled(pool, campaign) == {"SENT": 1}
    assert len(sink.accepted()) == 2


async def test_the_connections_of_a_killed_worker_are_free_for_others(
    pool: Pool, owner: Owner, fleet: Fleet, sink: Sink
) -> None:
    async with pool.connection() as conn:
        await conn.execute("UPDATE logins SET max_connections = 1")
    campaign = await _die_at_the_dot(pool, owner, fleet, sink, [ANN, BOB])
    assert await rows(pool, "SELECT count FROM lanes") == [{"count": 1}]
    fleet.start(settings_for(sink, lanes=1))

    assert await wait_until_settled(pool, campaign) == {"SENT": 1, "UNKNOWN": 1}
    assert sink.stats()["max_open"] == 1
    assert await value(pool, "SELECT count(*) FROM workers") == 1
