"""Faults that a review found in holds and plans."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.db import Conn, Pool, transaction
from app.domain.campaigns import campaigns
from app.domain.planning import changes
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.secrets import SecretBox
from tests.ledger.test_holds import Lane, answer, campaign_of, held, lane
from tests.ledger.test_starts import refused
from tests.support.api import problem
from tests.support.engine import (
    Owner,
    check_conservation,
    execute,
    rows,
    schedule_campaign,
    the_clock_moves_on,
    value,
    wait_until_blocked,
)

__all__ = ["held", "lane"]


async def test_recipients_fail_whom_a_server_refused_in_ever_other_words(
    api: httpx.AsyncClient, pool: Pool, lane: Lane
) -> None:
    campaign = await campaign_of(api, 20)
    for number in range(18):
        await refused(lane, await lane.claim(1), [f"no {'abcdefghijklmnopqrs'[number]}"])
        if await rows(pool, "SELECT FROM holds"):
            break
    await answer(api, f"campaigns/{campaign}", "fail")
    counts = await check_conservation(pool, campaign)
    assert counts["FAILED"] > 0, counts


async def test_the_words_shown_are_those_of_whom_an_answer_fails(
    api: httpx.AsyncClient, pool: Pool, lane: Lane, held: int
) -> None:
    """A probe that is refused in other words says nothing of the six."""
    await the_clock_moves_on(pool, timedelta(minutes=16))
    (probe,) = await lane.claim()
    await refused(lane, [probe], ["another reason altogether"])
    shown = (await api.get(f"/api/campaigns/{held}")).json()["held"]
    await answer(api, f"campaigns/{held}", "fail")
    failed = await rows(
        pool,
        "SELECT a.code || ' ' || a.enhanced_code || ' ' || a.reply AS words FROM emails e JOIN attempts a"
        " ON a.email_id = e.id AND a.number = e.attempts WHERE e.status = 'FAILED'",
    )
    assert {row["words"] for row in failed} == {shown["words"]}


async def test_an_answer_is_about_what_was_seen(api: httpx.AsyncClient, pool: Pool, lane: Lane, held: int) -> None:
    """While the question stood open, what was held got through, and something else is held."""
    seen = (await api.get(f"/api/campaigns/{held}")).json()["held"]
    await answer(api, f"campaigns/{held}", "go_on")
    await refused(lane, await lane.claim(5), ["your domain has no SPF record"] * 5)
    assert (await api.get(f"/api/campaigns/{held}")).json()["held"]["words"] != seen["words"]
    body = {"answer": "fail", "since": seen["since"]}
    problem(await api.post(f"/api/campaigns/{held}/held", json=body), 409)
    assert (await check_conservation(pool, held))["FAILED"] == 0


async def test_an_email_that_was_given_back_is_planned_like_those_beside_it(
    pool: Pool, owner: Owner, box: SecretBox
) -> None:
    await schedule_campaign(pool, owner, 20)
    await execute(pool, "UPDATE emails SET attempts = 1, scheduled_at = now() - interval '1 s'")  # RELEASED
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=1))
    last = await value(pool, "SELECT max(scheduled_at) - now() FROM emails")
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=1000))
    after = await value(pool, "SELECT max(scheduled_at) - now() FROM emails")
    assert last > timedelta(hours=15)
    assert after < timedelta(minutes=1), after


async def test_a_cancelled_campaign_is_not_planned_to_its_end(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that its room was freed for wait meanwhile."""
    monkeypatch.setattr(changes, "BATCH", 10)
    monkeypatch.setattr(changes, "SMALLEST_BATCH", 10)
    monkeypatch.setattr(campaigns, "CANCEL_BATCH", 10)
    large = (await schedule_campaign(pool, owner, 200, start_time=datetime.now(UTC) + timedelta(days=1))).campaign.id
    async with transaction(pool, owner.workspace_id) as conn:
        await changes.ask_for_campaign(conn, owner.workspace_id, large)
    batches = 0
    cancelling = list[asyncio.Task[None]]()
    plan_batch, lock_plan = changes._plan_batch, changes.lock_plan

    async def counted(*arguments: object, **more: object) -> int:
        nonlocal batches
        batches += 1
        if batches == 2:
            cancelling.append(asyncio.create_task(campaigns.cancel(pool, owner.workspace_id, large)))
            await wait_until_blocked(pool)  # it goes on once this batch is written
        return await plan_batch(*arguments, **more)

    async def after_the_cancel(conn: Conn, sender_id: int) -> None:
        await asyncio.gather(*cancelling)  # batches as small as here could be quicker to lock again
        await lock_plan(conn, sender_id)

    monkeypatch.setattr(changes, "_plan_batch", counted)
    monkeypatch.setattr(changes, "lock_plan", after_the_cancel)
    await changes.carry_out(pool, owner.workspace_id, owner.sender_id)
    assert batches == 2
