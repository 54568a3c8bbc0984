"""Senders that share a worker's lanes, and workers that share a sender: everybody gets a turn, soon."""

from __future__ import annotations

import time
from collections import Counter

from app.db import Pool
from app.domain.campaigns import campaigns
from tests.support.engine import (
    Owner,
    addresses,
    check_conservation,
    create_owner,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
)
from tests.support.sinkproc import Sink


async def test_a_sender_gets_the_lane_another_gives_up_at_once(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script([{"at": "dot", "do": {"slow": 0.5}, "when": {"to": "<slow"}}])
    other = await create_owner(pool, "other@example.com")
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        await schedule_campaign(pool, owner, ["slow@example.com"])

        async def at_the_server() -> bool:
            return len(sink.accepted()) == 1

        await wait_for(at_the_server, "the slow message to be accepted")
        began = time.time()
        waiting = (await schedule_campaign(pool, other, ["soon@example.com"])).campaign.id
        await wait_until_sent(pool, waiting)
    assert sink.accepted()[-1].at - began < 2


async def test_more_senders_than_lanes_all_get_their_turn(pool: Pool, database_url: str, sink: Sink) -> None:
    sink.script({"dot": {"slow": 0.02}})
    owners = [await create_owner(pool, f"owner{n}@example.com") for n in range(8)]
    made = [
        (await schedule_campaign(pool, owner, addresses(20, f"s{n}x"))).campaign.id for n, owner in enumerate(owners)
    ]
    async with running_workers(database_url, settings_for(sink, lanes=3)):
        for campaign in made:
            await wait_until_sent(pool, campaign, 30)
    assert sink.stats()["max_open"] <= 3
    assert Counter(entry.envelope_from for entry in sink.accepted()) == {f"owner{n}@example.com": 20 for n in range(8)}


async def test_a_sender_with_a_long_campaign_keeps_no_other_waiting_for_long(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script({"dot": {"slow": 0.05}})
    other = await create_owner(pool, "other@example.com")
    long = (await schedule_campaign(pool, owner, 2000)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=4)):

        async def all_lanes_taken() -> bool:
            return sink.stats()["open"] == 4

        await wait_for(all_lanes_taken, "the long campaign to take all lanes")
        short = (await schedule_campaign(pool, other, addresses(5, "short"))).campaign.id
        await wait_until_sent(pool, short, 3)
        assert (await check_conservation(pool, long))["SCHEDULED"] > 0
        await campaigns.cancel(pool, owner.workspace_id, long)


async def test_a_second_worker_helps_with_what_is_too_much_for_one(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script({"dot": {"slow": 0.05}})
    long = (await schedule_campaign(pool, owner, 1000)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=2), 2):

        async def both_help() -> bool:
            return sink.stats()["open"] == 4

        await wait_for(both_help, "the second worker to join in", 8)
        await campaigns.cancel(pool, owner.workspace_id, long)


async def test_a_sender_whose_server_hangs_leaves_the_worker_a_lane_for_others(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    other = await create_owner(pool, "other@example.com")
    sink.script([{"at": "dot", "do": "hang", "when": {"to": "<stuck"}}])
    async with running_workers(database_url, settings_for(sink, lanes=3)):
        await schedule_campaign(pool, owner, addresses(2, "stuck"))
        await wait_for(lambda: _stuck(pool), "two lanes to hang")
        campaign = (await schedule_campaign(pool, other, 50)).campaign.id
        try:
            await wait_until_sent(pool, campaign, 5)
        finally:
            sink.kill()  # so that the worker can drain


async def _stuck(pool: Pool) -> bool:
    return await value(pool, "SELECT count(*) FROM emails WHERE status = 'SENDING'") == 2


async def test_a_lane_that_waits_for_a_later_email_is_lent_to_a_sender_with_one_due(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    other = await create_owner(pool, "other@example.com")
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        spaced = (await schedule_campaign(pool, owner, addresses(2, "spaced"), delay_between_ms=6000)).campaign.id

        async def first_sent() -> bool:
            return (await check_conservation(pool, spaced))["SENT"] == 1

        await wait_for(first_sent, "the first of the spaced ones")
        began = time.time()
        await wait_until_sent(pool, (await schedule_campaign(pool, other, ["now@example.com"])).campaign.id)
        assert sink.accepted()[-1].at - began < 2
        await wait_until_sent(pool, spaced)
    planned = await value(pool, "SELECT scheduled_at FROM emails WHERE recipient = 'spaced1@example.com'")
    assert 0 <= sink.accepted()[-1].at - planned.timestamp() < 0.5
