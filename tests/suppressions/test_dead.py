"""Addresses that do not exist: suppressed as a server says so, and what else waits for them is cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.db import Pool, transaction
from app.domain.campaigns.brake import brake
from app.domain.campaigns.campaigns import pause, resume
from app.domain.ledger import streams
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.decisions import Chosen, retry_many
from app.domain.ledger.exchange import exchange
from app.domain.suppressions.suppress import suppress
from app.domain.suppressions.walk import walk
from tests.ledger.test_holds import PATIENCE, Lane
from tests.support.api import problem, wrong_fields
from tests.support.api import schedule as schedule_over_http
from tests.support.engine import (
    Owner,
    add_sender,
    check_conservation,
    execute,
    recipients_by_status,
    row,
    rows,
    schedule_campaign,
    value,
)


@pytest.fixture
async def mine(pool: Pool, owner: Owner) -> Lane:
    """A worker that claims for the owner's sender."""
    return await lane_of(pool, owner.workspace_id, owner.sender_id)


async def lane_of(pool: Pool, workspace_id: int, sender_id: int) -> Lane:
    token = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    return Lane(pool, Claimant(token, workspace_id, sender_id))


async def report(lane: Lane, claims: list[Claim], *, dead: bool) -> None:
    said: Mapping[str, Any] = {"command": "RCPT", "code": 550, "enhanced_code": "5.1.1", "reply": "no such user"}
    reports = [
        Report(claim.id, "REJECTED", claimed_at=claim.claimed_at, dead=True, **said)
        if dead
        else Report(claim.id, "ACCEPTED", command=".", code=250, claimed_at=claim.claimed_at)
        for claim in claims
    ]
    async with lane.pool.connection() as conn:
        await exchange(conn, lane.claimant, reports, 0, patience=PATIENCE)


async def test_an_address_that_does_not_exist_is_suppressed_with_its_report(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    first = (await schedule_campaign(pool, owner, 3)).campaign.id
    second = (await schedule_campaign(pool, owner, 2)).campaign.id
    claims = [claim for claim in await mine.claim(3) if claim.campaign_id == first]
    await report(mine, claims[:1], dead=True)
    await report(mine, claims[1:], dead=False)
    found = await row(pool, "SELECT name, reason, email_id, campaign_id FROM suppressions")
    assert found == {
        "name": claims[0].recipient,
        "reason": "BOUNCED",
        "email_id": claims[0].id,
        "campaign_id": first,
    }
    assert await value(pool, "SELECT sum(bounced) FROM streams") == 1
    assert await walk(pool) == 1
    assert await check_conservation(pool, second) == {"SCHEDULED": 1, "CANCELLED": 1}
    assert (await recipients_by_status(pool, second))[claims[0].recipient] == "CANCELLED"
    assert await walk(pool) == 0
    assert await value(pool, "SELECT walked_to FROM suppressions") is None
    assert await streams.heal(pool) == []


async def test_one_whose_bounce_counts_already_counts_once(pool: Pool, owner: Owner, mine: Lane) -> None:
    await schedule_campaign(pool, owner, 1)
    claims = await mine.claim(1)
    await execute(
        pool,
        "INSERT INTO responses (workspace_id, kind, severity, email_id, campaign_id, stream_id, sender_id, recipient,"
        " weak, message_id, folder, uid_validity, uid, received_at, subject, text, attachments)"
        " SELECT e.workspace_id, 'BOUNCE', 'hard', e.id, e.campaign_id, e.stream_id, s.sender_id, e.recipient, false,"
        " 'a@b', 'INBOX', 1, 1, now(), '', '', '{}' FROM emails e JOIN streams s ON s.id = e.stream_id",
    )
    await execute(pool, "UPDATE streams SET bounced = 1")
    await report(mine, claims, dead=True)
    assert await value(pool, "SELECT sum(bounced) FROM streams") == 1


async def test_somebody_who_unsubscribed_before_stays_unsubscribed(pool: Pool, owner: Owner, mine: Lane) -> None:
    await schedule_campaign(pool, owner, 1)
    claims = await mine.claim(1)
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, emails=["r0@example.com"], reason="UNSUBSCRIBED")
    await report(mine, claims, dead=True)
    assert await rows(pool, "SELECT reason, reason_before FROM suppressions") == [
        {"reason": "UNSUBSCRIBED", "reason_before": None}
    ]


async def test_what_waits_for_a_domain_and_those_below_it_is_cancelled_by_a_walk(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.domain.suppressions.walk.EMAILS", 3)
    people = [
        f"r{number}@{domain}" for number in range(3) for domain in ("A.example.org", "b-example.org", "example.org")
    ]
    campaigns = [(await schedule_campaign(pool, owner, people)).campaign.id for _ in range(2)]
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, domains=["example.org"], reason="MANUAL")
    assert await walk(pool, for_s=0) == 0
    assert await walk(pool) == 12
    for campaign in campaigns:
        assert await check_conservation(pool, campaign) == {"SCHEDULED": 3, "CANCELLED": 6}
    assert await walk(pool) == 0
    assert await streams.heal(pool) == []


async def test_a_walk_for_a_domain_that_is_allowed_again_stops(pool: Pool, owner: Owner) -> None:
    await schedule_campaign(pool, owner, 2)
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, domains=["example.com"], reason="MANUAL")
    await execute(pool, "DELETE FROM suppressions")
    assert await walk(pool) == 0
    assert await value(pool, "SELECT count(*) FROM emails WHERE status = 'SCHEDULED'") == 2


async def bounce(pool: Pool, lane: Lane, count: int, dead: int) -> None:
    claims = await lane.claim(count)
    assert len(claims) == count
    await report(lane, claims[:dead], dead=True)
    await report(lane, claims[dead:], dead=False)


async def test_a_campaign_of_which_too_many_do_not_exist_pauses_itself_and_counts_anew_once_resumed(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    await execute(
        pool,
        "INSERT INTO webhooks (workspace_id, url, events) VALUES (%s, 'https://example.com', '{campaign.paused}')",
        owner.workspace_id,
    )
    campaign = (await schedule_campaign(pool, owner, 200)).campaign.id
    await bounce(pool, mine, 49, 5)
    assert await brake(pool) == {}, "of 49, none says anything"
    await bounce(pool, mine, 51, 0)
    assert await brake(pool) == {}, "5 % is allowed"
    await bounce(pool, mine, 1, 1)
    why = "6 of 101 recipients do not exist, as their servers say: 5.9 %, and the workspace's limit is 5 %"
    assert await brake(pool) == {campaign: why}
    assert await brake(pool) == {}
    assert await row(pool, "SELECT status, brake FROM campaigns") == {"status": "PAUSED", "brake": why}
    assert await mine.claim(1) == []
    told = await row(pool, "SELECT event, data FROM webhook_deliveries")
    assert (told["event"], told["data"]["reason"]) == ("campaign.paused", why)
    assert await value(pool, "SELECT count(*) FROM audit_log WHERE action = 'campaign.braked'") == 1
    resumed = await resume(pool, owner.workspace_id, campaign)
    assert (resumed.status, resumed.brake) == ("ACTIVE", None)
    assert await brake(pool) == {}, "what was before is decided"
    await bounce(pool, mine, 50, 3)
    assert list(await brake(pool)) == [campaign]


async def test_who_is_tried_again_counts_once_for_the_brake(pool: Pool, owner: Owner, mine: Lane) -> None:
    """Also those of before the brake, once it counts anew: for what becomes of them then."""
    campaign = (await schedule_campaign(pool, owner, 200)).campaign.id
    rate = "SELECT gone, bounced FROM bounce_rate(%s, %s)"

    async def again() -> None:
        await execute(pool, "DELETE FROM suppressions")
        await retry_many(pool, owner.workspace_id, Chosen(campaign_id=campaign))
        await execute(pool, "UPDATE emails SET scheduled_at = now() - interval '1 hour' WHERE attempts > 0")
        await execute(pool, "UPDATE streams SET next_due_at = now() - interval '1 hour', passed_at = '-infinity'")

    await bounce(pool, mine, 40, 2)
    for _ in range(2):
        await again()
        await bounce(pool, mine, 2, 2)
        assert await row(pool, rate, owner.workspace_id, campaign) == {"gone": 40, "bounced": 2}
    await again()
    await bounce(pool, mine, 2, 0)
    assert await row(pool, rate, owner.workspace_id, campaign) == {"gone": 40, "bounced": 0}
    await bounce(pool, mine, 60, 6)
    assert list(await brake(pool)) == [campaign]
    await resume(pool, owner.workspace_id, campaign)
    await bounce(pool, mine, 10, 1)
    await again()  # six of before, one of after
    assert await row(pool, rate, owner.workspace_id, campaign) == {"gone": 9, "bounced": 0}
    await bounce(pool, mine, 7, 2)
    assert await row(pool, rate, owner.workspace_id, campaign) == {"gone": 16, "bounced": 2}
    await check_conservation(pool, campaign)


async def test_the_brake_stops_other_senders_though_the_one_that_bounced_has_nothing_left(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    other = await add_sender(pool, owner, "other@example.com")
    ids = [owner.sender_id, other.sender_id]
    campaign = (await schedule_campaign(pool, owner, 120, sender_ids=ids)).campaign.id
    of_mine = await value(
        pool, "SELECT scheduled FROM streams WHERE campaign_id = %s AND sender_id = %s", campaign, owner.sender_id
    )
    assert of_mine >= 50
    await bounce(pool, mine, of_mine, of_mine)
    assert await mine.claim(1) == []
    assert await value(pool, "SELECT count(*) FROM streams WHERE next_due_at IS NULL") == 1
    assert list(await brake(pool)) == [campaign]


async def test_the_brake_can_be_set_and_taken_off(api: httpx.AsyncClient, pool: Pool) -> None:
    (workspace,) = (await api.get("/api/workspaces")).json()
    assert workspace["bounceLimit"] == 5
    path = f"/api/workspaces/{workspace['id']}"
    assert "bounceLimit" in wrong_fields(await api.patch(path, json={"bounceLimit": 0}))
    assert (await api.patch(path, json={"bounceLimit": 20})).json() == workspace | {"bounceLimit": 20}
    assert (await api.patch(path, json={"name": "New"})).json() == workspace | {"bounceLimit": 20, "name": "New"}
    assert (await api.patch(path, json={"bounceLimit": None})).json()["bounceLimit"] is None
    campaign = (await schedule_over_http(api, recipients=[f"r{n}@example.com" for n in range(60)]))["campaign"]
    lane = await lane_of(pool, workspace["id"], campaign["senderId"])
    await bounce(pool, lane, 50, 50)
    assert await brake(pool) == {}
    await api.patch(path, json={"bounceLimit": 99})
    assert list(await brake(pool)) == [campaign["id"]]
    told = (await api.get(f"/api/campaigns/{campaign['id']}")).json()
    assert (told["status"], told["brake"][:9]) == ("PAUSED", "50 of 50 ")
    (alert,) = [one for one in (await api.get("/api/alerts")).json() if one["kind"] == "campaign.paused"]
    assert alert["campaignId"] == campaign["id"]


async def test_a_campaign_that_a_person_paused_says_nothing_of_the_brake(pool: Pool, owner: Owner, mine: Lane) -> None:
    campaign = (await schedule_campaign(pool, owner, 60)).campaign.id
    await bounce(pool, mine, 50, 10)
    await pause(pool, owner.workspace_id, campaign)
    assert await brake(pool) == {}
    assert await value(pool, "SELECT brake FROM campaigns") is None


async def test_one_email_is_stopped_and_its_recipient_stays_elsewhere(api: httpx.AsyncClient, pool: Pool) -> None:
    campaigns = [
        (await schedule_over_http(api, recipients=["a@example.com", "b@example.com"]))["campaign"]["id"]
        for _ in range(2)
    ]
    email_id = await value(
        pool, "SELECT id FROM emails WHERE campaign_id = %s AND recipient = 'a@example.com'", campaigns[0]
    )
    answer = await api.post(f"/api/emails/{email_id}/stop")
    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    problem(await api.post(f"/api/emails/{email_id}/stop"), 409)
    problem(await api.post("/api/emails/999999/stop"), 404)
    assert await value(pool, "SELECT cancel_reason::text FROM emails WHERE id = %s", email_id) == "STOPPED"
    assert await check_conservation(pool, campaigns[0]) == {"SCHEDULED": 1, "CANCELLED": 1}
    assert await check_conservation(pool, campaigns[1]) == {"SCHEDULED": 2}
