"""Plans against the ledger: what is given a new time, and what keeps the one that it has."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.campaigns import campaigns, change
from app.domain.campaigns.change import Changes
from app.domain.planning import changes, course
from app.domain.planning.course import lock_plan
from app.domain.planning.replan import mend
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.jobs import defer_planning
from app.secrets import SecretBox
from tests.support.api import problem, schedule
from tests.support.engine import (
    Owner,
    add_sender,
    addresses,
    execute,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
)
from tests.support.sinkproc import Sink

TOMORROW = timedelta(days=1)


async def _times(pool: Pool, campaign_id: int) -> list[datetime]:
    found = await rows(pool, "SELECT scheduled_at FROM emails WHERE campaign_id = %s ORDER BY id", campaign_id)
    return [row["scheduled_at"] for row in found]


async def _backed_off(pool: Pool, number: int, by: timedelta) -> datetime:
    """Have the email with this number, from 1 on, wait for another try; returns until when."""
    return await value(
        pool,
        "UPDATE emails SET attempts = 1, retry_count = 1, scheduled_at = now() + %s, not_before = now() + %s"
        " WHERE recipient = %s RETURNING scheduled_at",
        by,
        by,
        addresses(number)[-1],
    )


@pytest.mark.parametrize("cause", ["resumed", "delay", "campaign limit", "sender limit"])
async def test_a_retry_keeps_its_time_whatever_is_planned_again(
    pool: Pool, owner: Owner, box: SecretBox, cause: str
) -> None:
    made = (await schedule_campaign(pool, owner, 3)).campaign.id
    retry_at = await _backed_off(pool, 2, timedelta(minutes=10))
    asked: dict[str, Any] = {"delay": {"delay_between_ms": 1000}, "campaign limit": {"hourly_limit": 100}}
    if cause == "resumed":
        await campaigns.pause(pool, owner.workspace_id, made)
        await campaigns.resume(pool, owner.workspace_id, made)
    elif cause == "sender limit":
        await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=1000))
    else:
        await change.change(pool, owner.workspace_id, made, Changes(**asked[cause]))
    first, second, third = await _times(pool, made)
    assert second == retry_at
    # And the others go on as if it were not there.
    assert third - first == timedelta(seconds=cause == "delay")


async def test_a_campaign_whose_gaps_are_all_chance_is_spaced_anew_after_its_worker_was_away(
    pool: Pool, owner: Owner
) -> None:
    made = (await schedule_campaign(pool, owner, 6, delay_between_ms=600_000, jitter_percent=100)).campaign.id
    await execute(pool, "UPDATE emails SET scheduled_at = scheduled_at - interval '8 hours'")
    await execute(pool, "UPDATE streams SET next_due_at = next_due_at - interval '8 hours'")
    async with transaction(pool) as conn:
        await mend(conn, owner.workspace_id, owner.sender_id, over_limit=False)
    times = await _times(pool, made)
    assert len(set(times)) == 6
    assert timedelta(minutes=5) < times[-1] - times[0]


async def test_a_retry_that_is_due_is_planned_like_everybody(pool: Pool, owner: Owner) -> None:
    made = (await schedule_campaign(pool, owner, 3, delay_between_ms=1000)).campaign.id
    await _backed_off(pool, 1, -timedelta(minutes=10))
    await campaigns.pause(pool, owner.workspace_id, made)
    await campaigns.resume(pool, owner.workspace_id, made)
    first, second, third = await _times(pool, made)
    assert second - first == third - second == timedelta(seconds=1)


async def test_a_retry_waits_for_a_start_that_is_moved_behind_its_time(pool: Pool, owner: Owner) -> None:
    made = (await schedule_campaign(pool, owner, 2)).campaign.id
    await _backed_off(pool, 1, timedelta(minutes=10))
    start = datetime.now(UTC) + TOMORROW
    await change.change(pool, owner.workspace_id, made, Changes(start_time=start))
    assert await _times(pool, made) == [start, start]


async def test_pausing_and_resuming_burns_no_try(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    """Four times, 3 s apart, ended a greylisted email as FAILED for good."""
    sink.script({"rcpt": "451 4.7.1 Greylisted, try again in 300 seconds"})
    made = (await schedule_campaign(pool, owner, 1)).campaign.id

    async def tried() -> bool:
        return await value(pool, "SELECT count(*) FROM attempts") == 1

    async with running_workers(database_url, settings_for(sink)):
        await wait_for(tried, "the first try")
        (due,) = await _times(pool, made)
        for _ in range(4):
            await campaigns.pause(pool, owner.workspace_id, made)
            await campaigns.resume(pool, owner.workspace_id, made)
        # The worker has done all that it was to do by the time that another email has left.
        other = (await schedule_campaign(pool, owner, ["other@example.com"])).campaign.id

        async def other_tried() -> bool:
            return await value(pool, "SELECT sum(attempts) FROM emails WHERE campaign_id = %s", other) == 1

        await wait_for(other_tried, "the other email's try")
    assert await _times(pool, made) == [due]
    assert await value(pool, "SELECT attempts FROM emails WHERE campaign_id = %s", made) == 1
    assert await execute(pool, "SELECT FROM emails WHERE status = 'FAILED'") == 0


async def test_a_restart_rewrites_nothing_of_plans_that_hold(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    """Neither of a campaign under way, nor of what is planned for later, on the same sender."""
    under_way = (await schedule_campaign(pool, owner, 60, delay_between_ms=500)).campaign.id
    tomorrow = datetime.now(UTC) + TOMORROW
    await schedule_campaign(pool, owner, addresses(200, "later"), start_time=tomorrow, delay_between_ms=1000)
    scheduled = await _versions(pool)
    for restart in range(3):

        async def sent(so_many: int = 3 * restart + 2) -> bool:
            return await value(pool, "SELECT sent FROM streams WHERE campaign_id = %s", under_way) >= so_many

        async with running_workers(database_url, settings_for(sink)):
            await wait_for(sent, "some to be sent")
    waiting = await _versions(pool)
    assert 200 < len(waiting) < len(scheduled)
    assert waiting.items() <= scheduled.items()


async def _versions(pool: Pool) -> dict[int, str]:
    """The transaction that wrote each email that waits."""
    found = await rows(pool, "SELECT id, xmin::text FROM emails WHERE status = 'SCHEDULED'")
    return {row["id"]: row["xmin"] for row in found}


@pytest.mark.parametrize("first", [0, 1])
async def test_who_queues_neglected_plans_in_another_order_does_not_stop_the_sweep(
    pool: Pool, owner: Owner, first: int
) -> None:
    """The sweep queued all in one transaction: of two that want what the other has queued, the database ends one."""
    both = [owner, await add_sender(pool, owner, "other@example.com")]
    for each in both:
        made = await schedule_campaign(pool, each, 3, start_time=datetime.now(UTC) + TOMORROW)
        async with transaction(pool, owner.workspace_id) as conn:
            await changes.ask_for_campaign(conn, owner.workspace_id, made.campaign.id)
    await execute(pool, "UPDATE plan_changes SET asked_at = now() - interval '1 min', taken_until = '-infinity'")

    async def waits() -> bool:
        return await value(pool, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")

    async with transaction(pool, owner.workspace_id) as conn:
        await defer_planning(conn, owner.workspace_id, both[first].sender_id)
        sweep = asyncio.create_task(changes.wake_neglected(pool))
        await wait_for(waits, "the sweep to wait for us")
        await defer_planning(conn, owner.workspace_id, both[1 - first].sender_id)
    assert sorted(await sweep) == sorted(each.sender_id for each in both)


async def test_who_waits_too_long_for_a_plan_is_told_so(
    api: httpx.AsyncClient, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "LOCK_MS", 100)
    monkeypatch.setattr(changes, "PATIENCE_S", 0.2)
    start = (datetime.now(UTC) + TOMORROW).isoformat()
    sender = await value(pool, "SELECT id FROM senders WHERE workspace_id = %s", user.workspace_id)
    made = [(await schedule(api, startTime=start))["campaign"]["id"] for _ in range(2)]
    for campaign in made:
        assert (await api.post(f"/api/campaigns/{campaign}/pause")).status_code == 200
    assert await changes.carry_out(pool, user.workspace_id, sender)
    async with transaction(pool) as conn:
        await lock_plan(conn, sender)
        answers = await asyncio.gather(*(api.post(f"/api/campaigns/{campaign}/resume") for campaign in made))
    for answer in answers:
        assert problem(answer, 409)["type"] == "urn:reachinbox:problem:plan_changing"
        assert answer.headers["Retry-After"] == "2"
    # The change that was asked is made all the same, and the same click works now.
    assert await changes.carry_out(pool, user.workspace_id, sender)
    assert (await api.post(f"/api/campaigns/{made[0]}/resume")).json()["status"] == "ACTIVE"
