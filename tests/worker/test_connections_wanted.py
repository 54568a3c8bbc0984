"""A server's wishes for connections, how many and how long, cost no email a try."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from app.db import Pool
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.secrets import SecretBox
from tests.support.engine import (
    Owner,
    addresses,
    check_conservation,
    execute,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
    wait_until_settled,
)
from tests.support.ports import free_port
from tests.support.sinkproc import Sink
from tests.worker.test_outcomes import ANN


async def test_a_server_that_takes_ten_messages_a_connection_is_given_ten_a_connection(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script([{"at": "mail", "when": {"after": 10}, "do": "421 4.7.0 Too many messages in this connection"}])
    campaign = (await schedule_campaign(pool, owner, 35)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        await wait_until_sent(pool, campaign)

    per_connection: dict[int, int] = {}
    for entry in sink.accepted():
        per_connection[entry.connection] = per_connection.get(entry.connection, 0) + 1
    assert list(per_connection.values()) == [10, 10, 10, 5]
    released = await rows(pool, "SELECT * FROM attempts WHERE outcome = 'RELEASED'")
    assert len(released) == 3
    assert {r["reply"] for r in released} == {"Too many messages in this connection"}
    assert await value(pool, "SELECT sum(used) FROM login_windows") == 35
    assert await value(pool, "SELECT block_reason FROM senders") is None
    assert await value(pool, "SELECT count(*) FROM emails WHERE retry_count > 0") == 0


async def test_a_server_that_says_how_many_messages_a_connection_may_bring_gets_no_more(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script([{"at": "ehlo", "do": "with LIMITS RCPTMAX=20 MAILMAX=10"}])
    campaign = (await schedule_campaign(pool, owner, 35)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        await wait_until_sent(pool, campaign)

    per_connection = Counter(entry.connection for entry in sink.accepted())
    assert sorted(per_connection.values()) == [5, 10, 10, 10]
    assert await value(pool, "SELECT count(*) FROM attempts WHERE outcome <> 'ACCEPTED'") == 0


@pytest.mark.parametrize("reply", ["421 4.7.0 Error: too many errors", "452 4.7.0 too many errors on this connection"])
async def test_a_server_that_counts_errors_of_a_connection_is_connected_to_anew_and_nobody_is_to_blame(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, reply: str
) -> None:
    sink.script(
        [
            {"at": "rcpt", "when": {"message": 6}, "do": reply},
            {"at": "rcpt", "when": {"to": "<bad"}, "do": "550 5.1.1 no such user"},
        ]
    )
    people = [*addresses(5, "bad"), *addresses(10)]
    campaign = (await schedule_campaign(pool, owner, people)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        assert await wait_until_settled(pool, campaign) == {"FAILED": 5, "SENT": 10}
    assert await value(pool, "SELECT block_reason FROM senders") is None
    assert await value(pool, "SELECT sum(retry_count) FROM emails") == 0


async def test_connections_beyond_what_the_server_wants_are_closed_and_no_email_loses_a_try(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    """The fourth and the fifth connection are refused, at RCPT."""
    refusal = "432 4.3.2 Concurrent connections limit exceeded"
    sink.script([{"at": "rcpt", "when": {"connection": n}, "do": refusal} for n in (4, 5)])
    campaign = (await schedule_campaign(pool, owner, 300)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=8)):
        await wait_until_sent(pool, campaign)
    assert await value(pool, "SELECT sum(retry_count) FROM emails") == 0
    assert await value(pool, "SELECT block_reason FROM senders") is None


async def test_a_server_that_takes_two_connections_is_given_two_and_blames_nobody(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    refusal = "421 4.7.0 Too many connections from your address"
    refused = [{"at": "connect", "when": {"connection": n}, "do": refusal} for n in range(3, 50)]
    sink.script([*refused, {"at": "dot", "do": {"slow": 0.01}}])
    campaign = (await schedule_campaign(pool, owner, 100)).campaign.id
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_sent(pool, campaign)

    assert {entry.connection for entry in sink.accepted()} == {1, 2}
    assert await value(pool, "SELECT block_reason FROM senders") is None
    assert await value(pool, "SELECT max(attempts) FROM emails") == 1


async def test_one_recipient_for_whom_connections_are_always_too_many_lets_the_others_through(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    refusal = "451 4.7.0 Too many connections to the recipient's server"
    sink.script([{"at": "rcpt", "when": {"to": ANN}, "do": refusal}])
    campaign = (await schedule_campaign(pool, owner, [ANN, *addresses(20)])).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        await wait_for(lambda: rows(pool, "SELECT FROM streams WHERE sent = 20"), "the others to be sent")
    assert (await check_conservation(pool, campaign))["SCHEDULED"] == 1


async def test_a_server_that_hangs_up_after_each_message_is_connected_to_for_each(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script([{"at": "mail", "when": {"after": 1}, "do": "drop"}])
    campaign = (await schedule_campaign(pool, owner, 3)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        await wait_until_sent(pool, campaign)

    assert len({entry.connection for entry in sink.accepted()}) == 3
    assert await value(pool, "SELECT block_reason FROM senders") is None
    assert await value(pool, "SELECT sum(used) FROM login_windows") == 3


async def test_a_server_that_was_restarted_between_two_emails_is_connected_to_anew(
    pool: Pool, database_url: str, owner: Owner, tmp_path: Path
) -> None:
    log = tmp_path / "accepted.log"
    with Sink(log=log, port=free_port()) as before:
        campaign = (await schedule_campaign(pool, owner, 2, delay_between_ms=3000)).campaign.id
        async with running_workers(database_url, settings_for(before, lanes=1)):

            async def first_sent() -> bool:
                return (await check_conservation(pool, campaign))["SENT"] == 1

            await wait_for(first_sent, "the first email")
            before.kill()
            with Sink(log=log, port=before.port) as after:
                await wait_until_sent(pool, campaign)
                assert len(after.accepted()) == 2
    assert await value(pool, "SELECT max(attempts) FROM emails") == 1
    assert await value(pool, "SELECT block_reason FROM senders") is None


async def test_a_server_that_stays_silent_costs_one_email_a_try(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    """As many lanes as the sender may have were each given one before the first had an answer."""
    sink.script({"dot": {"slow": 0.5, "then": "drop"}})
    campaign = (await schedule_campaign(pool, owner, 20)).campaign.id
    await execute(pool, "UPDATE senders SET failures = 1")  # its last try failed
    async with running_workers(database_url, settings_for(sink, lanes=10)):
        await wait_for(lambda: value(pool, "SELECT blocked_until > now() FROM senders"), "the back-off")
    assert await check_conservation(pool, campaign) == {"UNKNOWN": 1, "SCHEDULED": 19}


async def test_a_sender_that_failed_has_all_its_lanes_with_the_first_answer(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script([{"at": "dot", "do": "hold"}])
    campaign = (await schedule_campaign(pool, owner, 20)).campaign.id
    await execute(pool, "UPDATE senders SET failures = 1")
    async with running_workers(database_url, settings_for(sink, lanes=10)):
        await wait_for(lambda: _held(sink, 1), "the first email")
        sink.release()
        await wait_for(lambda: _held(sink, 10), "all lanes to have one")
        sink.script([])
        sink.release()
        await wait_until_sent(pool, campaign)


async def test_a_sender_that_failed_and_is_changed_waits_for_no_lane_of_before(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox
) -> None:
    sink.script([{"at": "dot", "do": "hold"}])
    campaign = (await schedule_campaign(pool, owner, 20)).campaign.id
    await execute(pool, "UPDATE senders SET failures = 1")
    async with running_workers(database_url, settings_for(sink, lanes=10)):
        await wait_for(lambda: _held(sink, 1), "the first email")
        await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(display_name="Ada"))
        await wait_for(lambda: _held(sink, 2), "the first email of the changed sender")
        sink.script([])
        sink.release()
        await wait_until_sent(pool, campaign)


async def _held(sink: Sink, count: int) -> bool:
    return sink.stats()["held"] == count
