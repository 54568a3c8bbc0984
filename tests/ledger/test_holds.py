"""Holds by a server's words: seen on campaigns and senders, told, and answered by a person."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.ledger import holds
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import Patience, exchange, outlook
from app.domain.planning import changes
from tests.support.api import Headers, problem, schedule
from tests.support.engine import (
    campaign_status,
    check_conservation,
    execute,
    recipients_by_status,
    row,
    rows,
    the_clock_moves_on,
    value,
)

WORDS = "554 5.6.0 no, and no again"
PATIENCE = Patience(None, 96)


class Lane:
    """A worker that claims for the user's sender and reports what a test wants."""

    def __init__(self, pool: Pool, claimant: Claimant) -> None:
        self.pool = pool
        self.claimant = claimant

    async def claim(self, wanted: int = 100) -> list[Claim]:
        async with self.pool.connection() as conn:
            await outlook(conn, self.claimant)
            return (await exchange(conn, self.claimant, [], wanted, patience=PATIENCE)).claims

    async def refused(self, claims: list[Claim], refusal: Any = "OTHER_5XX", code: int = 554) -> None:
        reports = [
            Report(
                claim.id,
                "REJECTED" if code >= 500 else "DEFERRED",
                command="RCPT",
                code=code,
                enhanced_code=f"{code // 100}.6.0",
                reply="no, and no again",
                claimed_at=claim.claimed_at,
                refusal=refusal,
                probe=claim.probe,
                retried=claim.attempts > 0,
                ended=time.monotonic(),
            )
            for claim in claims
        ]
        async with self.pool.connection() as conn:
            await exchange(conn, self.claimant, reports, 0, patience=PATIENCE)


@pytest.fixture
async def lane(pool: Pool, user: User) -> Lane:
    sender_id: int = await value(pool, "SELECT id FROM senders WHERE workspace_id = %s", user.workspace_id)
    token: UUID = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    return Lane(pool, Claimant(token, user.workspace_id, sender_id))


async def campaign_of(api: httpx.AsyncClient, count: int, stem: str = "r") -> int:
    people = [f"{stem}{number}@example.com" for number in range(count)]
    return (await schedule(api, people, delayBetweenMs=0))["campaign"]["id"]


@pytest.fixture
async def held(api: httpx.AsyncClient, lane: Lane) -> int:
    """A campaign of eight: six were refused in the same words, which hold back the others."""
    campaign = await campaign_of(api, 8)
    await lane.refused(await lane.claim(6))
    return campaign


async def _held(pool: Pool) -> list[dict[str, Any]]:
    return await rows(
        pool, "SELECT campaign_id FROM holds LEFT JOIN streams s ON s.id = stream_id ORDER BY campaign_id"
    )


async def answer(api: httpx.AsyncClient, path: str, word: str) -> dict[str, Any]:
    response = await api.post(f"/api/{path}/held", json={"answer": word})
    assert response.status_code == 200, response.text
    return response.json()


async def wake_ups(pool: Pool) -> int:
    return await value(
        pool, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'send_due' AND scheduled_at IS NULL"
    )


async def test_a_held_campaign_shows_why_since_when_and_when_it_is_tried(api: httpx.AsyncClient, held: int) -> None:
    shown = (await api.get(f"/api/campaigns/{held}")).json()["held"]
    assert (shown["reason"], shown["words"], shown["emails"]) == ("REFUSED", WORDS, 6)
    assert shown["since"] < shown["probeAt"]
    (listed,) = (await api.get("/api/campaigns")).json()["items"]
    assert listed["held"] == shown
    (sender,) = (await api.get("/api/senders")).json()["items"]
    assert sender["held"] is None


async def test_a_text_that_is_mended_is_tried_at_once_and_one_email_shows_it(
    api: httpx.AsyncClient, pool: Pool, lane: Lane, held: int
) -> None:
    assert await lane.claim() == []
    await execute(pool, "DELETE FROM procrastinate_jobs")
    shown = await answer(api, f"campaigns/{held}", "try")
    assert shown["held"]["reason"] == "REFUSED"
    assert await wake_ups(pool) == 1
    (probe,) = await lane.claim()
    assert probe.probe


async def test_where_all_were_refused_one_of_them_is_the_one_that_is_tried(
    api: httpx.AsyncClient, pool: Pool, lane: Lane
) -> None:
    campaign = await campaign_of(api, 5)
    await lane.refused(await lane.claim())
    assert await value(pool, "SELECT min(scheduled_at) > now() FROM emails")
    await answer(api, f"campaigns/{campaign}", "try")
    assert len(await lane.claim()) == 1


async def test_recipients_that_are_refused_fail_and_the_others_go_on(
    api: httpx.AsyncClient, pool: Pool, lane: Lane, held: int
) -> None:
    await execute(
        pool,
        "INSERT INTO webhooks (workspace_id, url, events) SELECT id, 'https://example.com', '{email.failed}'"
        " FROM workspaces",
    )
    shown = await answer(api, f"campaigns/{held}", "fail")
    assert (shown["held"], shown["status"]) == (None, "ACTIVE")
    assert await check_conservation(pool, held) == {"FAILED": 6, "SCHEDULED": 2}
    assert (await rows(pool, "SELECT FROM holds"), await rows(pool, "SELECT FROM refusals")) == ([], [])
    told = await rows(pool, "SELECT data FROM webhook_deliveries")
    assert [(each["data"]["code"], each["data"]["reply"]) for each in told] == [(554, "no, and no again")] * 6
    assert len(await lane.claim()) == 2
    logged = await row(pool, "SELECT * FROM audit_log WHERE action LIKE '%%held%%'")
    assert (logged["action"], logged["subject"]) == ("campaign.held.fail", f"campaigns/{held}")


async def test_only_who_was_refused_in_these_words_fails(api: httpx.AsyncClient, pool: Pool, lane: Lane) -> None:
    campaign = await campaign_of(api, 9)
    others = await lane.claim(2)
    await lane.refused(others, "EMAIL_4XX", 451)
    await lane.refused(await lane.claim(6))
    await answer(api, f"campaigns/{campaign}", "fail")
    assert await check_conservation(pool, campaign) == {"FAILED": 6, "SCHEDULED": 3}
    by_recipient = await recipients_by_status(pool, campaign)
    assert {by_recipient[claim.recipient] for claim in others} == {"SCHEDULED"}


async def test_many_are_failed_in_batches_while_workers_and_plans_go_on(
    api: httpx.AsyncClient, pool: Pool, user: User, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for another in a circle, and each email is counted once."""
    monkeypatch.setattr(holds, "BATCH", 7)
    campaign, other = await campaign_of(api, 60), await campaign_of(api, 40, "other")
    await execute(pool, "UPDATE emails SET scheduled_at = now() - interval '1 h' WHERE campaign_id = %s", campaign)
    await lane.refused(await lane.claim(50))
    assert [hold["campaign_id"] for hold in await _held(pool)] == [campaign]
    answered = asyncio.create_task(holds.answer_campaign(pool, user.workspace_id, campaign, "fail"))
    claimed = 0
    while not answered.done():
        claimed += len(await lane.claim(1))
        await replan_campaign(pool, user.workspace_id, campaign, lane.claimant.sender_id)
    await answered
    assert (await check_conservation(pool, campaign))["FAILED"] == 50
    assert claimed
    await check_conservation(pool, other)


async def replan_campaign(pool: Pool, workspace_id: int, campaign_id: int, sender_id: int) -> None:
    """As a changed campaign is planned again: with the plan's lock, then its emails."""
    async with transaction(pool, workspace_id) as conn:
        await changes.ask_for_campaign(conn, workspace_id, campaign_id)
    await changes.plan_now(pool, workspace_id, sender_id)


async def test_a_campaign_whose_last_recipients_fail_is_finished(
    api: httpx.AsyncClient, pool: Pool, lane: Lane
) -> None:
    campaign = await campaign_of(api, 5)
    await lane.refused(await lane.claim())
    assert (await answer(api, f"campaigns/{campaign}", "fail"))["status"] == "FINISHED"
    assert await check_conservation(pool, campaign) == {"FAILED": 5}


async def test_go_on_lifts_what_holds_and_forgets_why(
    api: httpx.AsyncClient, pool: Pool, lane: Lane, held: int
) -> None:
    await execute(pool, "DELETE FROM procrastinate_jobs")
    assert (await answer(api, f"campaigns/{held}", "go_on"))["held"] is None
    assert (await rows(pool, "SELECT FROM holds"), await rows(pool, "SELECT FROM refusals")) == ([], [])
    assert await wake_ups(pool) == 1
    assert len(await lane.claim()) == 8


@pytest.mark.parametrize(("word", "expected"), [("fail", {"FAILED": 6, "SCHEDULED": 4}), ("go_on", {"SCHEDULED": 10})])
async def test_an_answer_about_a_sender_is_for_all_its_campaigns(
    api: httpx.AsyncClient, pool: Pool, lane: Lane, word: str, expected: dict[str, int]
) -> None:
    """One of them was held by itself before the second met the same words."""
    first, second = await campaign_of(api, 6, "a"), await campaign_of(api, 4, "b")
    await execute(pool, "UPDATE emails SET scheduled_at = now() - interval '1 h' WHERE campaign_id = %s", first)
    await lane.refused(await lane.claim(5))
    await lane.refused(await lane.claim(1))
    assert [hold["campaign_id"] for hold in await _held(pool)] == [first, None]
    sender_id = lane.claimant.sender_id
    (sender,) = (await api.get("/api/senders")).json()["items"]
    assert (sender["held"]["words"], sender["held"]["emails"]) == (WORDS, 6)

    assert (await answer(api, f"senders/{sender_id}", word))["held"] is None
    counts = await check_conservation(pool, first) + await check_conservation(pool, second)
    assert counts == expected
    assert await rows(pool, "SELECT FROM holds") == []
    assert len(await lane.claim()) == expected["SCHEDULED"]
    logged = await row(pool, "SELECT action, subject FROM audit_log WHERE action LIKE '%%held%%'")
    assert tuple(logged.values()) == (f"sender.held.{word}", f"senders/{sender_id}")


async def test_a_server_that_is_slow_may_be_tried_and_fails_nobody(
    api: httpx.AsyncClient, pool: Pool, lane: Lane
) -> None:
    campaign = await campaign_of(api, 4)
    await lane.refused(await lane.claim(1), "THROTTLE", 450)
    sender = f"senders/{lane.claimant.sender_id}"
    shown = (await api.get(f"/api/{sender}")).json()["held"]
    assert (shown["reason"], shown["emails"]) == ("SERVER_SLOW", None)
    problem(await api.post(f"/api/{sender}/held", json={"answer": "fail"}), 409)
    assert await lane.claim() == []
    await answer(api, sender, "try")
    assert len(await lane.claim()) == 1
    assert (await answer(api, sender, "go_on"))["held"] is None
    assert (await check_conservation(pool, campaign))["FAILED"] == 0


async def test_an_answer_where_nothing_is_held_is_a_conflict(
    api: httpx.AsyncClient, lane: Lane, stranger: Headers, held: int
) -> None:
    say = {"answer": "go_on"}
    problem(await api.post(f"/api/senders/{lane.claimant.sender_id}/held", json=say), 409)
    for path in (f"campaigns/{held}", f"senders/{lane.claimant.sender_id}"):
        problem(await api.post(f"/api/{path}/held", json=say, headers=stranger), 404)
    problem(await api.post("/api/campaigns/999/held", json=say), 404)
    problem(await api.post(f"/api/campaigns/{held}/held", json={"answer": "wait"}), 422)
    await api.post(f"/api/campaigns/{held}/cancel")
    assert (await api.get(f"/api/campaigns/{held}")).json()["held"] is None
    problem(await api.post(f"/api/campaigns/{held}/held", json=say), 409)
    assert await campaign_status(lane.pool, held) == "CANCELLED"


async def test_a_viewer_sees_it_and_does_not_answer(
    api: httpx.AsyncClient, pool: Pool, user: User, stranger: Headers, held: int
) -> None:
    assert stranger
    await execute(
        pool,
        "INSERT INTO members (workspace_id, user_id, role) SELECT %s, id, 'owner' FROM users WHERE id <> %s",
        *(user.workspace_id, user.id),
    )
    await execute(pool, "UPDATE members SET role = 'viewer' WHERE user_id = %s", user.id)
    assert (await api.get(f"/api/campaigns/{held}")).json()["held"]["words"] == WORDS
    problem(await api.post(f"/api/campaigns/{held}/held", json={"answer": "go_on"}), 403)


async def test_another_server_is_not_held_for_what_the_one_before_said(
    api: httpx.AsyncClient, pool: Pool, lane: Lane
) -> None:
    await campaign_of(api, 4)
    await lane.refused(await lane.claim(1), "THROTTLE", 450)
    sender = f"/api/senders/{lane.claimant.sender_id}"
    assert (await api.patch(sender, json={"displayName": "Ada"})).json()["held"] is not None
    assert (await api.patch(sender, json={"host": "smtp.example.com"})).json()["held"] is None
    assert await rows(pool, "SELECT FROM refusals") == []


async def test_nor_are_its_campaigns(api: httpx.AsyncClient, pool: Pool, lane: Lane, held: int) -> None:
    sender = f"/api/senders/{lane.claimant.sender_id}"
    await api.patch(sender, json={"displayName": "Ada"})
    assert (await api.get(f"/api/campaigns/{held}")).json()["held"]["words"] == WORDS
    await api.patch(sender, json={"host": "smtp.example.com"})
    assert (await api.get(f"/api/campaigns/{held}")).json()["held"] is None
    assert await rows(pool, "SELECT FROM refusals") == []


async def test_what_is_held_is_told_once_and_alerts_until_it_is_answered(
    api: httpx.AsyncClient, pool: Pool, lane: Lane
) -> None:
    await api.post("/api/webhooks", json={"url": "https://example.com/hook", "events": ["campaign.held"]})
    campaign = await campaign_of(api, 7)
    await lane.refused(await lane.claim(5))
    await lane.refused(await lane.claim(1))
    await the_clock_moves_on(pool, timedelta(minutes=16))
    await lane.refused(await lane.claim(1))  # a probe
    (told,) = await rows(pool, "SELECT event, data FROM webhook_deliveries")
    assert (told["event"], told["data"]["campaignId"], told["data"]["reason"]) == ("campaign.held", campaign, WORDS)
    alert = next(a for a in (await api.get("/api/alerts")).json() if a["kind"] == "campaign.held")
    assert alert["campaignId"] == campaign
    assert WORDS in alert["message"]
    assert alert["until"] > alert["since"]
    await answer(api, f"campaigns/{campaign}", "go_on")
    assert "campaign.held" not in {a["kind"] for a in (await api.get("/api/alerts")).json()}


async def test_a_sender_that_is_held_alerts_as_one_that_is_blocked(
    api: httpx.AsyncClient, pool: Pool, lane: Lane
) -> None:
    for stem in "ab":
        await campaign_of(api, 3, stem)
    await execute(pool, "UPDATE emails SET scheduled_at = date_trunc('hour', now())")
    await lane.refused(await lane.claim(5))
    (alert,) = [a for a in (await api.get("/api/alerts")).json() if a["kind"] != "worker.missing"]
    assert (alert["kind"], alert["senderId"]) == ("sender.blocked", lane.claimant.sender_id)
    assert alert["message"] == f"owner@example.com is held back: {WORDS}"
