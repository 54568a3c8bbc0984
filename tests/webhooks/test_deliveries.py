"""Webhooks as their receivers see them: what they are told, when, in which order, and how failures go on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import campaigns
from app.domain.ledger import after_restore, decisions
from app.domain.ledger.decisions import Chosen
from app.domain.pages import PageRequest
from app.domain.recipients import erasure
from app.domain.senders.for_workers import sql
from app.domain.suppressions.suppress import suppress, withdraw
from app.domain.webhooks import webhooks
from app.domain.webhooks.webhooks import EVENT_TYPES, Delivery, Webhook, WebhookChanges
from app.secrets import SecretBox
from tests.support.engine import (
    ANYWHERE,
    SECRET_KEY,
    Fleet,
    Owner,
    execute,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_settled,
)
from tests.support.receiver import Receiver
from tests.support.sinkproc import Sink
from worker.webhooks import Courier

BOX = SecretBox(SECRET_KEY)


async def hook(pool: Pool, owner: Owner, receiver: Receiver, *events: Any, path: str = "/hook") -> Webhook:
    url = f"http://127.0.0.1:{receiver.port}{path}"
    return await webhooks.create(pool, BOX, owner.workspace_id, url, list(events or EVENT_TYPES), policy=ANYWHERE)


async def log_of(pool: Pool, owner: Owner, webhook: Webhook) -> list[Delivery]:
    """Oldest first."""
    return (await webhooks.list_deliveries(pool, owner.workspace_id, webhook.id, PageRequest())).items[::-1]


async def read(pool: Pool, owner: Owner, webhook: Webhook) -> Webhook:
    return await webhooks.get_webhook(pool, owner.workspace_id, webhook.id)


async def deliver(pool: Pool, webhook: Webhook) -> None:
    await Courier(pool, BOX, ANYWHERE).deliver(webhook.id)


async def told_once(pool: Pool, owner: Owner, webhook: Webhook) -> Delivery:
    """Send a test event, once; what the log says of it."""
    made = await webhooks.test(pool, owner.workspace_id, webhook.id)
    await deliver(pool, webhook)
    (found,) = [d for d in await log_of(pool, owner, webhook) if d.id == made.id]
    return found


async def time_passes(pool: Pool) -> None:
    """Until every retry is due and every pause over."""
    await execute(pool, "UPDATE webhooks SET retry_at = NULL")
    await execute(pool, "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'PENDING'")


# Events


async def test_a_campaign_tells_of_its_failures_and_its_end_in_order_and_signed(
    database_url: str, pool: Pool, sink: Sink, owner: Owner, receiver: Receiver
) -> None:
    webhook = await hook(pool, owner, receiver)
    other = await hook(pool, owner, receiver, "sender.blocked", path="/other")
    sink.script([{"at": "rcpt", "when": {"to": "bad"}, "do": "550 5.1.1 nobody here"}])
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        campaign = (await schedule_campaign(pool, owner, ["ann@example.com", "bad@example.com"])).campaign.id

        async def told() -> bool:
            return "recipient.suppressed" in receiver.events

        await wait_for(told, "the end of the campaign, and who does not exist, to be told")
    assert receiver.events == ["email.failed", "campaign.finished", "recipient.suppressed"]
    assert isinstance(webhook.secret, str)
    failed, finished, suppressed = (told.verify(webhook.secret) for told in receiver.told)
    assert failed["data"] == {
        "emailId": await value(pool, "SELECT id FROM emails WHERE recipient = 'bad@example.com'"),
        "campaignId": campaign,
        "senderId": owner.sender_id,
        "recipient": "bad@example.com",
        "step": 1,
        "variant": None,
        "code": 550,
        "enhancedCode": "5.1.1",
        "reply": "nobody here",
    }
    assert finished["data"] | {"name": ""} == {
        "campaignId": campaign, "name": "", "total": 2, "sent": 1, "failed": 1, "unknown": 0,
    }  # fmt: skip
    assert suppressed["data"] | {"suppressionId": 0} == {
        "suppressionId": 0,
        "reason": "BOUNCED",
        "emailId": failed["data"]["emailId"],
        "campaignId": campaign,
        "recipient": "bad@example.com",
    }
    assert set(failed) == {"type", "timestamp", "data"}
    assert [(d.event, d.status, d.status_code) for d in await log_of(pool, owner, webhook)] == [
        ("email.failed", "DELIVERED", 204),
        ("campaign.finished", "DELIVERED", 204),
        ("recipient.suppressed", "DELIVERED", 204),
    ]
    assert receiver.connections == 1
    assert await log_of(pool, owner, other) == []
    with pytest.raises(WebhookVerificationError):
        receiver.told[0].verify("whsec_" + "A" * 43 + "=")


async def test_a_server_that_is_down_is_told_of_once(
    database_url: str, pool: Pool, sink: Sink, owner: Owner, receiver: Receiver
) -> None:
    webhook = await hook(pool, owner, receiver, "sender.blocked")
    sink.script({"mail": "550 5.7.1 not you"})

    async def failed_again() -> bool:
        await execute(pool, "UPDATE senders SET blocked_until = now() WHERE failures = 1")
        return await value(pool, "SELECT failures FROM senders WHERE id = %s", owner.sender_id) > 1

    async with running_workers(database_url, settings_for(sink)):
        await schedule_campaign(pool, owner, 1)
        await wait_for(failed_again, "a second back-off")
    (delivery,) = await log_of(pool, owner, webhook)
    assert delivery.event == "sender.blocked"
    data = await value(pool, "SELECT data FROM webhook_deliveries")
    assert (data["senderId"], data["email"]) == (owner.sender_id, "owner@example.com")
    assert "not you" in data["reason"]


async def test_what_a_lost_worker_leaves_in_doubt_is_told(
    database_url: str, pool: Pool, sink: Sink, owner: Owner, receiver: Receiver, tmp_path: Path
) -> None:
    webhook = await hook(pool, owner, receiver)
    sink.script([{"at": "dot", "do": "hold", "when": {"times": 1}}])
    with Fleet(database_url, tmp_path) as fleet:
        (worker,) = fleet.start(settings_for(sink, lanes=1))
        campaign = (await schedule_campaign(pool, owner, 1)).campaign.id
        await asyncio.to_thread(sink.wait, held=1)
        worker.kill()
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_settled(pool, campaign)

        async def told() -> bool:
            return len(receiver.told) == 2

        await wait_for(told, "both events")
    assert receiver.events == ["email.unknown", "campaign.finished"]
    assert receiver.told[1].event["data"]["unknown"] == 1
    assert {d.status for d in await log_of(pool, owner, webhook)} == {"DELIVERED"}


async def test_a_cancelled_campaign_is_not_a_finished_one(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    campaign = (await schedule_campaign(pool, owner, 3)).campaign.id
    await campaigns.cancel(pool, owner.workspace_id, campaign)
    assert await log_of(pool, owner, webhook) == []


async def test_what_an_operator_holds_after_a_restore_is_told(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    campaign = (await schedule_campaign(pool, owner, 2)).campaign.id
    await after_restore.hold_all(pool)
    assert [d.event for d in await log_of(pool, owner, webhook)] == [*["email.unknown"] * 2, "campaign.finished"]
    told = await value(pool, "SELECT data FROM webhook_deliveries ORDER BY id LIMIT 1")
    assert (told["campaignId"], told["senderId"], told["recipient"]) == (campaign, owner.sender_id, "r0@example.com")
    assert told["reply"].startswith("held: it may have been sent")
    assert await value(pool, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'deliver_webhooks'") == 1


async def test_a_campaign_that_erasing_its_last_recipient_finishes_is_told(
    pool: Pool, owner: Owner, receiver: Receiver
) -> None:
    webhook = await hook(pool, owner, receiver)
    campaign = (await schedule_campaign(pool, owner, ["ada@example.com"])).campaign.id
    await schedule_campaign(pool, owner, ["ada@example.com", "bob@example.com"])
    await erasure.erase(pool, owner.workspace_id, "ada@example.com", LOCAL)
    (told,) = await log_of(pool, owner, webhook)
    assert told.event == "campaign.finished"
    assert (await value(pool, "SELECT data FROM webhook_deliveries"))["campaignId"] == campaign


async def test_a_decision_ends_no_campaign_twice(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    campaign = (await schedule_campaign(pool, owner, 1)).campaign.id
    await after_restore.hold_all(pool)
    webhook = await hook(pool, owner, receiver)
    await decisions.resolve_many(pool, owner.workspace_id, Chosen(campaign_id=campaign), "sent")
    assert await log_of(pool, owner, webhook) == []


async def test_whoever_is_suppressed_is_told_and_who_unsubscribed_by_an_event_of_its_own(
    pool: Pool, owner: Owner, receiver: Receiver
) -> None:
    webhook = await hook(pool, owner, receiver, "recipient.suppressed", "recipient.unsubscribed")
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, emails=["a@example.com"], domains=["example.org"], reason="MANUAL")
        await suppress(conn, owner.workspace_id, emails=["a@example.com"], reason="UNSUBSCRIBED", email_id=7)
        await suppress(conn, owner.workspace_id, emails=["a@example.com"], reason="UNSUBSCRIBED", email_id=8)
    told = await rows(pool, "SELECT event, data FROM webhook_deliveries WHERE webhook_id = %s", webhook.id)
    assert len(told) == 4
    assert {
        (it["event"], it["data"]["reason"], it["data"].get("recipient"), it["data"].get("domain")) for it in told
    } == {
        ("recipient.suppressed", "MANUAL", "a@example.com", None),
        ("recipient.suppressed", "MANUAL", None, "example.org"),
        ("recipient.suppressed", "UNSUBSCRIBED", "a@example.com", None),
        ("recipient.unsubscribed", "UNSUBSCRIBED", "a@example.com", None),
    }


async def test_that_it_was_a_mistake_is_told_with_what_stands_besides(
    pool: Pool, owner: Owner, receiver: Receiver
) -> None:
    webhook = await hook(pool, owner, receiver, "recipient.resubscribed")
    for address, why in (("a@example.com", None), ("b@example.com", "MANUAL")):
        async with transaction(pool) as conn:
            if why is not None:
                await suppress(conn, owner.workspace_id, emails=[address], reason="MANUAL")
            await suppress(conn, owner.workspace_id, emails=[address], reason="UNSUBSCRIBED", email_id=7)
        key = await value(pool, "SELECT address_digest(%s)", address)
        async with transaction(pool) as conn:
            assert await withdraw(conn, owner.workspace_id, key=key, email_id=7)
            assert not await withdraw(conn, owner.workspace_id, key=key, email_id=7)
    told = await rows(pool, "SELECT event, data FROM webhook_deliveries WHERE webhook_id = %s ORDER BY id", webhook.id)
    assert {one["event"] for one in told} == {"recipient.resubscribed"}
    assert [one["data"] | {"suppressionId": 0} for one in told] == [
        {"suppressionId": 0, "reason": why, "emailId": 7, "campaignId": None, "recipient": address}
        for address, why in (("a@example.com", None), ("b@example.com", "MANUAL"))
    ]


async def test_what_is_rolled_back_is_not_told(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    params = {
        "workspace_id": owner.workspace_id,
        "sender_id": owner.sender_id,
        "reason": "down",
        "kind": "CONNECTION",
        "first_s": 5.0,
        "known_failures": 0,
    }

    async with pool.connection() as conn, conn.transaction(force_rollback=True):
        await conn.execute(sql.block_sender, params)
    assert await log_of(pool, owner, webhook) == []
    async with transaction(pool) as conn:
        await conn.execute(sql.block_sender, params)
    assert [d.event for d in await log_of(pool, owner, webhook)] == ["sender.blocked"]
    assert await value(pool, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'deliver_webhooks'") == 1


async def test_a_disabled_webhook_costs_and_gets_nothing(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    await webhooks.change(pool, owner.workspace_id, webhook.id, WebhookChanges(enabled=False))
    params = {
        "workspace_id": owner.workspace_id,
        "sender_id": owner.sender_id,
        "reason": "down",
        "kind": "CONNECTION",
        "first_s": 5.0,
        "known_failures": 0,
    }
    async with transaction(pool) as conn:
        await conn.execute(sql.block_sender, params)
    assert await value(pool, "SELECT count(*) FROM webhook_deliveries") == 0
