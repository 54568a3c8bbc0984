"""Senders of a campaign with steps that come and go: each records what it sends, and follows up what it sent."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import campaigns, step_changes
from app.domain.campaigns.change import Changes, change
from app.domain.campaigns.retiring import retire
from app.domain.campaigns.step_changes import WantedStep
from app.domain.inbound import responses, stops
from app.domain.inbound.responses import ResponseChanges
from app.domain.ledger import decisions, follow_ups, recovery
from app.domain.ledger.claims import Claimant
from app.domain.planning import handover
from app.domain.suppressions.stop import stop
from app.errors import InvalidInput
from tests.ledger.test_follow_ups import TWO, answered, days_pass, follow, mine, scheduled, tell
from tests.ledger.test_holds import Lane
from tests.ledger.test_step_changes import THIRD, steps_of
from tests.support.engine import Owner, add_sender, check_conservation, execute, value

__all__ = ["mine"]


async def lane_of(pool: Pool, sender: Owner, lease: timedelta = timedelta(days=1)) -> Lane:
    token = uuid4()
    await execute(pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'other', now() + %s)", token, lease)
    return Lane(pool, Claimant(token, *sender))


async def send_from(pool: Pool, owner: Owner, campaign: int, *senders: Owner) -> None:
    await change(pool, owner.workspace_id, campaign, Changes(sender_ids=[one.sender_id for one in senders]))
    await check_conservation(pool, campaign)


async def test_one_that_is_added_records_what_it_sends_and_follows_up(pool: Pool, owner: Owner, mine: Lane) -> None:
    campaign = await scheduled(pool, owner, 4)
    other = await add_sender(pool, owner, "b@example.com")
    await send_from(pool, owner, campaign, owner, other)
    its = await lane_of(pool, other)
    for each in (mine, its):
        first = await each.claim()
        assert len(first) == 2
        await tell(each, first)
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).following == 4
    second = await follow(pool, its, 3)
    assert len(second) == 2, "they belong into its threads"
    await tell(its, second)
    await tell(mine, await mine.claim())
    for each in (await follow(pool, its, 4), await mine.claim()):
        assert len(each) == 2
    assert await check_conservation(pool, campaign) == {"SENT": 8, "SENDING": 4}


@pytest.mark.parametrize("how", ["lost", "resolved"])
async def test_what_one_that_is_added_was_sending_in_doubt_is_followed_too(
    pool: Pool, owner: Owner, mine: Lane, how: str
) -> None:
    campaign = await scheduled(pool, owner, 2, on_unknown="assume_sent" if how == "lost" else "hold")
    other = await add_sender(pool, owner, "b@example.com")
    await send_from(pool, owner, campaign, owner, other)
    its = await lane_of(pool, other)
    claims = await its.claim()
    if how == "lost":
        await execute(pool, "UPDATE workers SET lease_until = now() - interval '1 s' WHERE name = 'other'")
        async with transaction(pool) as conn:
            await recovery.recover(conn, None)
    else:
        await tell(its, claims, "UNKNOWN")
        await decisions.resolve(pool, owner.workspace_id, claims[0].id, "sent")
    assert await check_conservation(pool, campaign) == {"SENT": 1, "SCHEDULED": 1}
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).following == 1


async def test_a_stream_that_refuses_a_recovery_keeps_no_other_from_its_own(pool: Pool, owner: Owner) -> None:
    """As of a fault of ours that makes a state that the ledger refuses."""
    other = await add_sender(pool, owner, "b@example.com")
    mended, whole = [await scheduled(pool, one, 2, steps=(), sender_id=one.sender_id) for one in (owner, other)]
    for one in (owner, other):
        assert len(await (await lane_of(pool, one)).claim()) == 2
    await execute(pool, "UPDATE streams SET sending = 1, sent = 1 WHERE campaign_id = %s", mended)
    await execute(pool, "UPDATE workers SET lease_until = now() - interval '1 s'")
    async with transaction(pool) as conn:
        recovered = await recovery.recover(conn, None)
    assert {one["campaign_id"] for one in recovered.in_doubt} == {whole}
    assert recovered.refused == [await value(pool, "SELECT id FROM streams WHERE campaign_id = %s", mended)]
    assert await check_conservation(pool, whole) == {"UNKNOWN": 2}
    assert await value(pool, "SELECT count(*) FROM emails WHERE status = 'SENDING' AND campaign_id = %s", mended) == 2
    await execute(pool, "UPDATE streams SET sending = 2, sent = 0 WHERE campaign_id = %s", mended)
    async with transaction(pool) as conn:
        await recovery.recover(conn, None)
    assert await check_conservation(pool, mended) == {"UNKNOWN": 2}


async def is_open(pool: Pool, sender: Owner) -> bool:
    return await value(pool, "SELECT open FROM streams WHERE sender_id = %s", sender.sender_id)


async def test_one_that_is_replaced_follows_up_what_it_sent(pool: Pool, owner: Owner, mine: Lane) -> None:
    campaign = await scheduled(pool, owner, 4)
    first = await mine.claim(2)
    await tell(mine, first)
    other = await add_sender(pool, owner, "b@example.com")
    await send_from(pool, owner, campaign, other)
    its = await lane_of(pool, other)
    await tell(its, await its.claim())
    for days in (3, 4):
        follows = await follow(pool, mine, days)
        assert {one.recipient for one in follows} == {one.recipient for one in first}
        await tell(mine, follows)
        await tell(its, await its.claim())
    assert await check_conservation(pool, campaign) == {"SENT": 12}
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).status == "FINISHED"


async def test_one_that_is_replaced_while_the_campaign_is_paused_follows_up_once_it_goes_on(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner, 2)
    await tell(mine, await mine.claim(1))
    await campaigns.pause(pool, owner.workspace_id, campaign)
    await send_from(pool, owner, campaign, await add_sender(pool, owner, "b@example.com"))
    assert not await is_open(pool, owner)
    await campaigns.resume(pool, owner.workspace_id, campaign)
    assert await is_open(pool, owner)


async def test_one_that_is_taken_out_follows_up_also_where_what_it_was_to_give_is_stopped_first(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    other = await add_sender(pool, owner, "b@example.com")
    campaign = await scheduled(pool, owner, 4, sender_id=None, sender_ids=[owner.sender_id, other.sender_id])
    (first,) = await mine.claim(1)
    await tell(mine, [first])
    await send_from(pool, owner, campaign, other)
    assert not await is_open(pool, owner), "it has one to give"
    await execute(pool, "UPDATE senders SET failures = 1 WHERE id = %s", other.sender_id)
    assert await handover.hand_over(pool) == [], "and nobody takes it"
    waits = await value(
        pool,
        "SELECT e.id FROM emails e JOIN streams s ON s.id = e.stream_id"
        " WHERE s.sender_id = %s AND e.status = 'SCHEDULED'",
        owner.sender_id,
    )
    await stop(pool, owner.workspace_id, waits, LOCAL)
    assert await handover.hand_over(pool) == []
    assert await is_open(pool, owner)
    assert [one.recipient for one in await follow(pool, mine, 3)] == [first.recipient]
    await check_conservation(pool, campaign)


async def test_one_that_is_taken_out_has_no_follow_ups_to_give(pool: Pool, owner: Owner, mine: Lane) -> None:
    other = await add_sender(pool, owner, "b@example.com")
    campaign = await scheduled(pool, owner, 2, sender_id=None, sender_ids=[owner.sender_id, other.sender_id])
    await tell(mine, await mine.claim())
    await days_pass(pool, 3)
    await follow_ups.follow_up(pool)
    await send_from(pool, owner, campaign, other)
    assert await is_open(pool, owner)
    assert len(await mine.claim()) == 1


async def test_what_comes_back_to_one_that_is_taken_out_goes_to_the_others(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    """As once the answer that stopped a domain turns out to be none."""
    other = await add_sender(pool, owner, "b@example.com")
    people = ["a@firm.example", "b@firm.example", "c@firm.example", "d@elsewhere.example"]
    senders = [owner.sender_id, other.sender_id]
    campaign = await scheduled(pool, owner, people, sender_id=None, sender_ids=senders, stop_on_domain=True)
    (first,) = await mine.claim(1)
    await tell(mine, [first])
    await execute(pool, "UPDATE senders SET imap_host = 'i.example.com', imap_port = 993, imap_security = 'tls'")
    await execute(pool, "INSERT INTO inboxes (workspace_id, sender_id) VALUES (%s, %s)", *owner)
    await answered(pool, mine, first, "REPLY")
    await stops.walk_domains(pool)
    assert await check_conservation(pool, campaign) == {"SENT": 1, "SCHEDULED": 1, "CANCELLED": 2}
    await send_from(pool, owner, campaign, other)
    assert await is_open(pool, owner), "it has nothing to give"
    response = await value(pool, "SELECT id FROM responses")
    await responses.change(pool, owner.workspace_id, response, ResponseChanges(forgotten=True), LOCAL)
    await stops.walk_domains(pool)
    assert await check_conservation(pool, campaign) == {"SENT": 1, "SCHEDULED": 3}
    assert await mine.claim() == [], "it is out of the campaign"
    assert [handed.emails for handed in await handover.hand_over(pool)] == [1]
    assert len(await (await lane_of(pool, other)).claim()) == 3
    assert await is_open(pool, owner)
    assert [one.recipient for one in await follow(pool, mine, 3)] == [first.recipient]
    await check_conservation(pool, campaign)


@pytest.mark.parametrize("how", ["added", "reopened"])
async def test_steps_that_would_follow_from_one_whose_answers_nobody_reads_are_refused(
    pool: Pool, owner: Owner, mine: Lane, how: str
) -> None:
    """Also of one that was taken out and owes nothing at that moment."""
    other = await add_sender(pool, owner, "b@example.com")
    await execute(pool, "UPDATE senders SET imap_host = 'i.example.com', imap_port = 993, imap_security = 'tls'")
    read = {"follow_up_without_reading": False, "steps": TWO[:1]}
    campaign = await scheduled(pool, owner, 2, sender_id=None, sender_ids=[owner.sender_id, other.sender_id], **read)
    await execute(pool, "UPDATE campaigns SET follow_up_without_reading = true")
    its = await lane_of(pool, other)
    for _ in range(2):
        await tell(mine, await mine.claim())
        if how == "reopened":
            await tell(its, await its.claim())
        await days_pass(pool, 3)
        await follow_ups.follow_up(pool)
    await execute(pool, "UPDATE campaigns SET follow_up_without_reading = false")
    if how == "added":
        await send_from(pool, owner, campaign, other)
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).following == 0
    await execute(
        pool,
        "UPDATE senders SET imap_host = NULL, imap_port = NULL, imap_security = NULL WHERE id = %s",
        owner.sender_id,
    )
    wanted = await steps_of(pool, owner, campaign)
    new = [*wanted, WantedStep(step=THIRD)] if how == "added" else wanted
    with pytest.raises(InvalidInput, match="nobody reads the mailbox") as refused:
        await change(pool, owner.workspace_id, campaign, Changes(steps=new, reopen=how == "reopened"))
    assert [*refused.value.fields] == ["steps"]
    if how == "added":
        await change(pool, owner.workspace_id, campaign, Changes(steps=wanted))
    await check_conservation(pool, campaign)


async def test_a_step_follows_also_from_a_retired_sender_whose_mailbox_is_read_again_for_it(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    other = await add_sender(pool, owner, "b@example.com")
    await execute(pool, "UPDATE senders SET imap_host = 'i.example.com', imap_port = 993, imap_security = 'tls'")
    both = [owner.sender_id, other.sender_id]
    campaign = await scheduled(
        pool, owner, 2, sender_id=None, sender_ids=both, steps=TWO[:1], follow_up_without_reading=False
    )
    await execute(pool, "UPDATE campaigns SET follow_up_without_reading = true")
    its = await lane_of(pool, other)
    await tell(its, await its.claim())
    await days_pass(pool, 3)
    await follow_ups.follow_up(pool)
    await tell(its, await its.claim())
    await execute(pool, "UPDATE campaigns SET follow_up_without_reading = false")
    await retire(pool, owner.workspace_id, other.sender_id)
    read = "SELECT count(*) FROM read_senders WHERE sender_id = %s"
    assert await value(pool, read, other.sender_id) == 0
    wanted = [*await steps_of(pool, owner, campaign), WantedStep(step=THIRD)]
    await change(pool, owner.workspace_id, campaign, Changes(steps=wanted))
    await step_changes.carry_on(pool)
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).following == 1
    assert await value(pool, read, other.sender_id) == 1
    await check_conservation(pool, campaign)
