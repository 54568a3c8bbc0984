"""Senders that share a worker's lanes, and workers that share a sender: everybody gets a turn, soon."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from app.db import Pool
from app.domain.campaigns import campaigns
from app.domain.ledger.claims import Claimant
from app.domain.senders import for_workers
from tests.support.engine import (
    Owner,
    addresses,
    check_conservation,
    create_owner,
    execute,
    register_worker,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
)
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S
from worker import lanes, sender_loop
from worker.desk import Budget, size_for_one


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
    assert sink.accepted()[-1].at - began < sender_loop.QUANTUM_S


async def test_more_senders_than_lanes_all_get_their_turn(pool: Pool, database_url: str, sink: Sink) -> None:
    sink.script({"dot": {"slow": 0.02}})
    owners = [await create_owner(pool, f"owner{n}@example.com") for n in range(8)]
    made = [
        (await schedule_campaign(pool, owner, addresses(20, f"s{n}x"))).campaign.id for n, owner in enumerate(owners)
    ]
    async with running_workers(database_url, settings_for(sink, lanes=3)):
        for campaign in made:
            await wait_until_sent(pool, campaign)
    assert sink.stats()["max_open"] <= settings_for(sink, lanes=3).worker_concurrency
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
        await wait_until_sent(pool, short)
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

        await wait_for(both_help, "the second worker to join in")
        await campaigns.cancel(pool, owner.workspace_id, long)


async def test_a_server_that_is_killed_once_is_one_failure_for_all_workers_together(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    await execute(pool, "UPDATE logins SET max_connections = 6")
    sink.script({"dot": {"slow": 0.3}})
    await schedule_campaign(pool, owner, 5000)
    async with running_workers(database_url, settings_for(sink, lanes=1, lease_s=20), 6):

        async def all_there() -> bool:
            return sink.stats()["open"] == 6

        await wait_for(all_there, "six workers to help")
        sink.kill()

        async def noticed() -> bool:
            # A lane that had nothing to send when the server went notices later than the first back-off lasts.
            return await value(
                pool,
                """
                SELECT failures > 0 AND (blocked_until < now() + interval '2 seconds' OR NOT EXISTS (SELECT FROM lanes))
                FROM senders
                """,
            )

        await wait_for(noticed, "every worker that was sending to notice")
        # Those that tried again after the first back-off may have found the server gone once more, together.
        assert await value(pool, "SELECT failures FROM senders") <= 2


async def test_a_back_off_is_told_once_and_doubles_for_a_hiccup_that_is_new(pool: Pool, owner: Owner) -> None:
    async def block(known_failures: int) -> None:
        await for_workers.block_sender(pool, owner.workspace_id, owner.sender_id, "down", known_failures=known_failures)

    async def failures() -> int:
        return await value(pool, "SELECT failures FROM senders")

    over = "UPDATE senders SET blocked_until = now() - interval '1 second'"
    for _ in range(3):
        await block(0)  # of lanes that connected before
        assert await failures() == 1
    await execute(pool, over)
    await block(0)  # noticed late
    assert await failures() == 1
    await block(1)
    await block(1)
    assert await failures() == 2
    left = "SELECT extract(epoch FROM blocked_until - now())::float8 FROM senders"
    assert 5 < await value(pool, left) <= 10


async def test_one_connection_that_is_lost_lowers_a_senders_lanes_for_a_while_only(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "FIRST_CAP_S", 2.0)
    sink.script([{"at": "connect", "when": {"connection": 2}, "do": "drop"}, {"at": "dot", "do": {"slow": 0.1}}])
    campaign = (await schedule_campaign(pool, owner, 5000)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=5, lease_s=20)):

        async def capped() -> bool:
            return sink.stats()["connections"] >= 2

        async def all_lanes() -> bool:
            return sink.stats()["open"] == 5

        await wait_for(capped, "the connection to be dropped")
        await wait_for(all_lanes, "the other lanes")
        await campaigns.cancel(pool, owner.workspace_id, campaign)


def test_a_cap_that_is_met_again_holds_twice_as_long_up_to_ten_minutes() -> None:
    cap, now, held = lanes.Cap(), 1000.0, list[float]()
    for _ in range(8):
        cap.lower(3, now)
        cap.lower(2, now + 0.1)  # tried together with the first
        assert cap.lanes(now + 0.2) == 2
        began = now
        while cap.lanes(now) == 2:
            now += 1
        held.append(now - began)
    assert held == [15, 30, 60, 120, 240, 480, 600, 600]
    cap.lower(3, now + 3600)
    assert cap.lanes(now + 3600 + lanes.FIRST_CAP_S) > 3


@pytest.mark.parametrize("phase", ["rcpt", "dot"])
async def test_a_sender_whose_server_hangs_holds_no_other_up_with_all_the_lanes_it_can_get(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, phase: str
) -> None:
    other = await create_owner(pool, "other@example.com")
    sink.script([{"at": phase, "do": "hang", "when": {"to": "<stuck"}}])
    async with running_workers(database_url, settings_for(sink, lanes=5)):
        await schedule_campaign(pool, owner, addresses(30, "stuck"))

        async def all_stuck() -> bool:
            return await value(pool, "SELECT count(*) FROM emails WHERE status = 'SENDING'") == 5

        await wait_for(all_stuck, "all lanes of the sender to hang")
        try:
            await wait_until_sent(
                pool, (await schedule_campaign(pool, other, 50)).campaign.id, BOUND_S / 2
            )  # before RCPT times out
        finally:
            sink.kill()  # so that the worker can drain


def test_a_sender_alone_gets_all_lanes_but_one_in_eight() -> None:
    for size, most in ((1, 1), (2, 1), (5, 4), (16, 14), (64, 56), (73, 64)):
        budget, one = Budget(size), Wake()
        while budget.take(one, 1):
            pass
        assert budget.surplus(one) == 0
        assert size - budget.free == most
    assert [size_for_one(lanes) for lanes in (1, 2, 4, 5, 56, 64)] == [1, 3, 5, 6, 63, 73]


def test_lanes_are_lent_back_to_a_sender_with_less_than_its_share_until_it_has_that() -> None:
    budget, big, late = Budget(64), Wake(), Wake()
    assert budget.take(big, 64) == 56
    assert budget.take(late, 8) == 1  # from the reserve, at once
    assert budget.take(late, 8) == 0
    assert budget.surplus(big) == 56 - 28
    budget.give_back(big, 28)
    assert late.calls == 21 - 20  # told that there is room
    assert budget.take(late, 64) == 27
    assert budget.take(late, 1) == budget.surplus(big) == budget.surplus(late) == 0


def test_a_sender_that_is_on_its_way_to_a_free_lane_is_not_called_again_until_it_has_answered() -> None:
    budget, first, second, waiting = Budget(2), Wake(), Wake(), Wake()
    assert budget.take(first, 1) == budget.take(second, 1) == 1
    assert budget.take(waiting, 1) == 0
    budget.give_back(first)
    budget.give_back(second)
    assert waiting.calls == 1
    budget.answered(waiting)  # it takes nothing: its server has no room, say
    assert budget.take(first, 1) == 1
    budget.give_back(first)
    assert waiting.calls == 2


def test_servers_that_hang_hold_not_all_lanes_however_many_senders_they_have() -> None:
    budget, stuck = Budget(64), [Wake() for _ in range(8)]
    for wake in stuck:
        budget.take(wake, 64)
    assert budget.take(Wake(), 1) == 1


class Wake:
    """A holder of lanes, and how often it was called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1


async def test_servers_that_do_not_even_answer_hold_no_lanes_of_others(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    with Sink() as silent:
        silent.script({"connect": "hang"})
        for number in range(6):
            stuck = await create_owner(pool, f"stuck{number}@example.com")
            await execute(
                pool,
                "UPDATE senders SET host = '127.0.0.1', port = %s, security = 'none' WHERE workspace_id = %s",
                silent.port,
                stuck.workspace_id,
            )
            await schedule_campaign(pool, stuck, 5)
        async with running_workers(database_url, settings_for(sink, lanes=4)):

            async def all_taken() -> bool:
                return silent.stats()["open"] >= 4

            await wait_for(all_taken, "the silent servers to have all lanes")
            made = (await schedule_campaign(pool, owner, 20)).campaign.id
            await wait_until_sent(pool, made)


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
            await wait_until_sent(pool, campaign)
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
        await wait_until_sent(pool, (await schedule_campaign(pool, other, ["now@example.com"])).campaign.id)
        await wait_until_sent(pool, spaced)
    planned = await value(pool, "SELECT scheduled_at FROM emails WHERE recipient = 'spaced1@example.com'")
    _, now, last = sink.accepted()
    assert now.envelope_to == "now@example.com"
    assert now.at < planned.timestamp() <= last.at < planned.timestamp() + sender_loop.REFRESH_EVERY_S


async def _of_one_login(pool: Pool, owner: Owner, max_connections: int) -> Owner:
    """A second sender in the workspace that logs in as the first does."""
    await execute(pool, "UPDATE logins SET max_connections = %s", max_connections)
    second = await value(
        pool,
        "INSERT INTO senders (workspace_id, email, login_id)"
        " SELECT workspace_id, 'second@example.com', login_id FROM senders WHERE id = %s RETURNING id",
        owner.sender_id,
    )
    return Owner(owner.workspace_id, second)


@pytest.mark.parametrize("connections", [1, 4])
async def test_senders_of_one_login_share_its_connections_and_neither_waits_for_the_others_campaign(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, connections: int
) -> None:
    sink.script({"dot": {"slow": 0.05}})
    second = await _of_one_login(pool, owner, connections)
    long = (await schedule_campaign(pool, owner, 5000, sender_id=owner.sender_id)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=8, lease_s=20), 2):

        async def taken() -> bool:
            return sink.stats()["open"] == connections

        await wait_for(taken, "the long campaign to take all connections")
        also = (await schedule_campaign(pool, second, addresses(400, "second"))).campaign.id

        async def begun() -> bool:
            return (await check_conservation(pool, also))["SENT"] > 0

        await wait_for(begun, "the second sender to have its turn")
        sent = (await check_conservation(pool, long))["SENT"]

        async def goes_on() -> bool:
            return (await check_conservation(pool, long))["SENT"] > sent + 20

        await wait_for(goes_on, "the first to have its turn again")
        assert (await check_conservation(pool, also))["SCHEDULED"] > 0
        assert sink.stats()["max_open"] <= connections
        await campaigns.cancel(pool, owner.workspace_id, long)
        await campaigns.cancel(pool, owner.workspace_id, also)


async def test_senders_of_one_login_take_turns_in_the_order_in_which_they_asked(pool: Pool, owner: Owner) -> None:
    await _of_one_login(pool, owner, 1)
    await _of_one_login(pool, owner, 1)
    token = await register_worker(pool, "w")
    asking = [
        Claimant(token, owner.workspace_id, each["id"])
        for each in await rows(pool, "SELECT id FROM senders ORDER BY id")
    ]
    granted = [await for_workers.reserve_lanes(pool, one, 3) for one in asking]
    assert [tuple(reserved) for reserved in granted] == [(1, False), (0, False), (0, True)]
    await for_workers.release_lanes(pool, asking[0])
    assert await for_workers.reserve_lanes(pool, asking[2], 1) == (0, True)
    assert await for_workers.reserve_lanes(pool, asking[0], 1) == (0, True)
    assert await for_workers.reserve_lanes(pool, asking[1], 1) == (1, True)
    await for_workers.release_lanes(pool, asking[1])
    assert await for_workers.reserve_lanes(pool, asking[0], 1) == (0, True)
    assert await for_workers.reserve_lanes(pool, asking[2], 1) == (1, True)


async def test_a_connection_that_is_granted_no_longer_is_nobody_elses_before_it_is_closed(
    pool: Pool, owner: Owner
) -> None:
    second = await _of_one_login(pool, owner, 4)
    token = await register_worker(pool, "w")
    one, other = Claimant(token, *owner), Claimant(token, *second)
    assert await for_workers.reserve_lanes(pool, one, 4) == (4, False)
    assert await for_workers.reserve_lanes(pool, other, 4) == (0, False)
    assert await for_workers.reserve_lanes(pool, one, 4, held=4) == (2, True)
    assert await for_workers.reserve_lanes(pool, other, 4) == (0, False)
    assert await for_workers.reserve_lanes(pool, one, 2, held=3) == (2, True)
    assert await for_workers.reserve_lanes(pool, other, 4) == (1, False)
    assert await for_workers.reserve_lanes(pool, one, 2, held=2) == (2, False)
    assert await for_workers.reserve_lanes(pool, other, 4, held=1) == (2, False)


async def test_a_sender_that_has_to_share_its_connections_closes_them_before_another_opens_its_own(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message takes longer than the other waits until it asks again, and it saw those connections as free."""
    monkeypatch.setattr(sender_loop, "REFRESH_EVERY_S", 0.5)
    monkeypatch.setattr(sender_loop, "QUANTUM_S", 60.0)
    sink.script({"dot": {"slow": 3}})
    second = await _of_one_login(pool, owner, 4)
    long = (await schedule_campaign(pool, owner, 200)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=8, lease_s=20), 2):

        async def taken() -> bool:
            return sink.stats()["open"] == 4

        await wait_for(taken, "the long campaign to take all connections")
        also = (await schedule_campaign(pool, second, addresses(4, "second"))).campaign.id
        await wait_until_sent(pool, also)
        assert sink.stats()["max_open"] <= 4
        await campaigns.cancel(pool, owner.workspace_id, long)
