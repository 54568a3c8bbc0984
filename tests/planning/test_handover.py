"""Emails that a sender that cannot send gives to the campaign's others, and holds of a campaign on all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import httpx
import pytest

from app.db import Pool
from app.domain.campaigns import campaigns
from app.domain.ledger import holds
from app.domain.planning import handover
from app.domain.planning.handover import deal
from app.domain.senders import for_workers
from app.domain.senders.for_workers import BlockKind
from app.domain.senders.senders import delete_sender
from app.errors import Conflict
from tests.support.api import schedule
from tests.support.engine import (
    Owner,
    add_sender,
    addresses,
    check_conservation,
    execute,
    row,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_until_sent,
)
from tests.support.sinkproc import Sink


async def campaign_on(pool: Pool, owner: Owner, count: int, *others: Owner) -> int:
    """A campaign whose emails all wait on the owner's sender, and that other senders are in."""
    made = (await schedule_campaign(pool, owner, addresses(count))).campaign.id
    for other in others:
        await execute(
            pool,
            "INSERT INTO streams (workspace_id, campaign_id, sender_id, gap_ms, total, scheduled)"
            " VALUES (%s, %s, %s, 0, 0, 0)",
            owner.workspace_id,
            made,
            other.sender_id,
        )
    return made


async def blocked(pool: Pool, who: Owner, kind: BlockKind = "LOGIN", since: str = "61 minutes") -> None:
    await for_workers.block_sender(pool, *who, "535 no", known_failures=0, kind=kind)
    await execute(pool, "UPDATE senders SET blocked_since = now() - %s::interval WHERE id = %s", since, who.sender_id)


async def taken_out(pool: Pool, who: Owner) -> None:
    await execute(pool, "UPDATE streams SET taken_out_at = now(), open = false WHERE sender_id = %s", who.sender_id)


async def shares(pool: Pool) -> dict[int, int]:
    """By sender, how many emails wait; the streams' own counts say the same."""
    found = await rows(
        pool, "SELECT s.sender_id, count(*) AS n FROM emails e JOIN streams s ON s.id = e.stream_id GROUP BY 1"
    )
    counted = await rows(pool, "SELECT sender_id, total FROM streams WHERE total > 0")
    by_sender = {each["sender_id"]: each["n"] for each in found}
    assert by_sender == {each["sender_id"]: each["total"] for each in counted}
    return by_sender


@pytest.mark.parametrize("gives", [blocked, taken_out])
async def test_a_sender_that_is_out_gives_what_it_has_not_begun_to_the_others(
    pool: Pool, owner: Owner, gives: Callable[[Pool, Owner], Awaitable[None]]
) -> None:
    first, second = (
        await add_sender(pool, owner, "a@example.com", 100),
        await add_sender(pool, owner, "b@example.com", 300),
    )
    made = await campaign_on(pool, owner, 1200, first, second)
    await execute(pool, "UPDATE emails SET attempts = 1 WHERE mod(id, 100) = 0")
    begun = await value(pool, "SELECT count(*) FROM emails WHERE attempts > 0")
    await gives(pool, owner)
    assert await handover.hand_over(pool) == [(made, 1200 - begun)]
    assert await handover.hand_over(pool) == []
    shared = await shares(pool)
    assert shared[owner.sender_id] == begun
    assert shared[second.sender_id] == pytest.approx(3 * shared[first.sender_id], abs=3)
    await check_conservation(pool, made)
    audit = await rows(pool, "SELECT subject FROM audit_log WHERE action = 'campaign.moved'")
    assert audit == [{"subject": f"campaigns/{made}"}]
    of = {each.sender_id: each for each in (await campaigns.get_campaign(pool, owner.workspace_id, made)).senders}
    given = of[owner.sender_id].given
    assert given is not None
    assert (given.emails, given.reason) == (1200 - begun, "TAKEN_OUT" if gives is taken_out else "LOGIN")
    assert of[first.sender_id].given is None
    asked = await rows(pool, "SELECT DISTINCT sender_id FROM plan_changes ORDER BY 1")
    assert {each["sender_id"] for each in asked} >= {first.sender_id, second.sender_id}


async def test_a_sender_that_is_taken_out_goes_on_with_what_it_has_begun(pool: Pool, owner: Owner) -> None:
    other = await add_sender(pool, owner, "a@example.com")
    await campaign_on(pool, owner, 10, other)
    await execute(pool, "UPDATE emails SET attempts = 1")
    await blocked(pool, other)
    await taken_out(pool, owner)
    assert await handover.hand_over(pool) == []
    assert await value(pool, "SELECT open FROM streams WHERE sender_id = %s", owner.sender_id)
    assert await shares(pool) == {owner.sender_id: 10}


async def test_a_sender_that_gave_all_it_had_can_be_deleted(pool: Pool, owner: Owner) -> None:
    other = await add_sender(pool, owner, "a@example.com")
    made = await campaign_on(pool, owner, 10, other)
    await execute(pool, "UPDATE emails SET stream_id = (SELECT max(id) FROM streams) WHERE mod(id, 2) = 0")
    await execute(pool, "UPDATE streams SET total = 5, scheduled = 5")
    with pytest.raises(Conflict):
        await delete_sender(pool, *other)
    await taken_out(pool, other)
    assert await handover.hand_over(pool) == [(made, 5)]
    await delete_sender(pool, *other)
    assert await shares(pool) == {owner.sender_id: 10}
    await check_conservation(pool, made)


async def test_for_words_about_its_messages_or_for_a_short_time_a_sender_gives_nothing(
    pool: Pool, owner: Owner
) -> None:
    other = await add_sender(pool, owner, "a@example.com")
    await campaign_on(pool, owner, 10, other)
    await blocked(pool, owner, since="59 minutes")
    assert await handover.hand_over(pool) == []
    await execute(pool, "UPDATE senders SET blocked_since = now() - interval '2 hours', block_kind = 'OTHER'")
    assert await handover.hand_over(pool) == []
    await execute(pool, "UPDATE senders SET block_kind = 'QUOTA', failures = 0")  # it got through since
    assert await handover.hand_over(pool) == []
    assert await shares(pool) == {owner.sender_id: 10}


async def test_where_no_other_gets_through_nothing_moves(pool: Pool, owner: Owner) -> None:
    others = [await add_sender(pool, owner, f"{name}@example.com") for name in "ab"]
    await campaign_on(pool, owner, 10, *others)
    for each in (owner, *others):
        await blocked(pool, each)
    assert await handover.hand_over(pool) == []
    await for_workers.unblock_sender(pool, *others[1])
    assert [handed.emails for handed in await handover.hand_over(pool)] == [10]
    assert await shares(pool) == {others[1].sender_id: 10}


async def test_what_moves_is_sent_by_the_others(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    """By the worker's own sweep."""
    other = await add_sender(pool, owner, "a@example.com")
    made = await campaign_on(pool, owner, 20, other)
    await blocked(pool, owner)
    await execute(pool, "UPDATE senders SET blocked_until = now() + interval '1 hour' WHERE failures > 0")
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_sent(pool, made)
    assert Counter(entry.envelope_from for entry in sink.accepted()) == {"a@example.com": 20}
    assert await check_conservation(pool, made) == {"SENT": 20}


async def refused(pool: Pool, who: Owner) -> None:
    """A server's words hold the sender's part of its campaign."""
    await execute(
        pool,
        "INSERT INTO holds (workspace_id, login_id, stream_id, reason, signature, words, since, probe_at)"
        " SELECT t.workspace_id, s.login_id, t.id, 'REFUSED', 'x', '554 spam', now(), now() + interval '15 minutes'"
        " FROM streams t JOIN senders s ON s.id = t.sender_id WHERE t.sender_id = %s",
        who.sender_id,
    )


async def test_what_a_server_said_of_a_message_holds_the_campaign_on_all_its_senders(pool: Pool, owner: Owner) -> None:
    others = [await add_sender(pool, owner, f"{name}@example.com") for name in "ab"]
    made = await campaign_on(pool, owner, 10, *others)
    await refused(pool, owner)
    await blocked(pool, owner)
    await handover.hold_on_all(pool)
    assert await handover.hand_over(pool) == []
    held = await rows(pool, "SELECT words, probe_at > now() + interval '1 year' AS follows FROM holds ORDER BY id")
    assert [(each["words"], each["follows"]) for each in held] == [("554 spam", False)] + [("554 spam", True)] * 2
    shown = (await campaigns.get_campaign(pool, owner.workspace_id, made)).held
    assert shown is not None
    assert shown.probe_at.year < 2100  # the first one's, whose tries are the campaign's
    await execute(pool, "DELETE FROM holds WHERE of_stream IS NULL")  # an email got through
    await handover.hold_on_all(pool)
    assert await rows(pool, "SELECT FROM holds") == []


async def test_a_person_who_has_looked_lets_all_senders_go_for_good(pool: Pool, owner: Owner) -> None:
    other = await add_sender(pool, owner, "a@example.com")
    made = await campaign_on(pool, owner, 10, other)
    await refused(pool, owner)
    await handover.hold_on_all(pool)
    await holds.answer_campaign(pool, owner.workspace_id, made, "try")
    assert await value(pool, "SELECT bool_and(probe_at <= now()) FROM holds")
    await execute(pool, "DELETE FROM holds WHERE of_stream IS NOT NULL")  # that one's email got through
    await handover.hold_on_all(pool)
    assert await value(pool, "SELECT count(*) FROM holds") == 1
    await holds.answer_campaign(pool, owner.workspace_id, made, "go_on")
    assert await rows(pool, "SELECT FROM holds") == []


async def test_the_audit_log_names_a_worker(api: httpx.AsyncClient, pool: Pool) -> None:
    me = await row(pool, "SELECT workspace_id, id AS sender_id FROM senders")
    owner = Owner(**me)
    await campaign_on(pool, owner, 3, await add_sender(pool, owner, "a@example.com"))
    await taken_out(pool, owner)
    await handover.hand_over(pool)
    entries = (await api.get("/api/audit")).json()["items"]
    assert ("campaign.moved", "a worker") in [(entry["action"], entry["who"]) for entry in entries]


async def test_a_change_of_senders_has_the_one_that_is_taken_out_give(api: httpx.AsyncClient, pool: Pool) -> None:
    made = [await api.post("/api/senders", json={"email": f"{name}@example.com"}) for name in "ab"]
    leaves, stays = (response.json()["id"] for response in made)
    campaign = (await schedule(api, addresses(9), senderIds=[leaves, stays]))["campaign"]["id"]
    response = await api.patch(f"/api/campaigns/{campaign}", json={"senderIds": [stays]})
    assert response.status_code == 200, response.text
    await handover.hand_over(pool)
    assert await shares(pool) == {stays: 9}


def test_emails_are_dealt_to_whoever_comes_to_them_first() -> None:
    assert deal(6, [(0, 100.0), (0, 200.0)]) == [1, 0, 1, 1, 0, 1]
    assert Counter(deal(1000, [(500, 100.0), (0, 100.0)])) == {1: 750, 0: 250}
    assert deal(2, [(10, 1.0)]) == [0, 0]
