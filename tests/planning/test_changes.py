"""Changes of plans: asked for, written in batches, broken off, begun again, and in nobody's way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from app.db import Conn, Pool, open_pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User
from app.domain.campaigns import campaigns, change
from app.domain.campaigns.change import Changes
from app.domain.planning import changes, course, replan
from app.domain.planning.campaign_calendar import DAYS, CampaignCalendar
from app.domain.planning.course import Course, lock_plan, move
from app.domain.recipients import erasure
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.secrets import SecretBox
from tests.support.api import Headers, schedule
from tests.support.engine import (
    Owner,
    addresses,
    clear_of_the_hour,
    execute,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
)
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
EMAILS_READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'emails'"

OF_RECIPIENTS = CampaignCalendar(
    timezone="recipient", days=list(DAYS), opens="00:00", closes="00:00", fallback_timezone="Asia/Tokyo"
)
NEVER_COUNTED = "ALTER TABLE emails SET (autovacuum_enabled = off)"


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


async def _times(pool: Pool, campaign_id: int) -> list[datetime]:
    found = await rows(pool, "SELECT scheduled_at FROM emails WHERE campaign_id = %s ORDER BY id", campaign_id)
    return [row["scheduled_at"] for row in found]


async def _carry_out(pool: Pool, owner: Owner) -> bool:
    return await changes.carry_out(pool, owner.workspace_id, owner.sender_id)


async def _ask(pool: Pool, owner: Owner, campaign_id: int) -> None:
    async with transaction(pool, owner.workspace_id) as conn:
        assert await changes.ask_for_campaign(conn, owner.workspace_id, campaign_id)


async def _asked(pool: Pool) -> int:
    return await value(pool, "SELECT count(*) FROM plan_changes")


# Room that becomes free


@pytest.mark.parametrize("stop", [campaigns.cancel, campaigns.pause])
async def test_a_campaign_that_stops_frees_its_room_for_the_senders_others(
    pool: Pool, owner: Owner, box: SecretBox, stop: Any
) -> None:
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=10))
    large = (await schedule_campaign(pool, owner, addresses(200, "large"))).campaign.id
    news = (await schedule_campaign(pool, owner, addresses(5, "news"))).campaign.id
    assert min(await _times(pool, news)) > datetime.now(UTC) + 18 * HOUR
    before = datetime.now(UTC)
    await stop(pool, owner.workspace_id, large)
    assert await value(pool, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'plan_again'") == 1
    assert await _carry_out(pool, owner)
    assert before <= min(await _times(pool, news)) <= max(await _times(pool, news)) <= datetime.now(UTC)


async def test_a_person_who_is_erased_leaves_their_place_to_the_next(pool: Pool, owner: Owner, box: SecretBox) -> None:
    await clear_of_the_hour()
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=3))
    large = (await schedule_campaign(pool, owner, addresses(5, "large"))).campaign.id
    news = (await schedule_campaign(pool, owner, ["news@example.com", "large0@example.com"])).campaign.id
    before = datetime.now(UTC)
    assert len([at for at in await _times(pool, large) if at > before]) == 2
    erased = await erasure.erase(pool, owner.workspace_id, "large0@example.com", LOCAL)
    assert erased.cancelled == 2
    assert await _asked(pool) == 2
    asked = "SELECT max(asked_at) FROM plan_changes"
    first = await value(pool, asked)
    await erasure.erase(pool, owner.workspace_id, "large1@example.com", LOCAL)
    assert await value(pool, asked) == first, "no plan under way begins anew for each of many"
    assert await _carry_out(pool, owner)
    waiting = await rows(
        pool, "SELECT campaign_id, scheduled_at FROM emails WHERE status = 'SCHEDULED' ORDER BY scheduled_at, id"
    )
    assert [row["campaign_id"] for row in waiting] == [large, large, large, news]
    assert [row["scheduled_at"] <= datetime.now(UTC) for row in waiting] == [True, True, True, False]
    await _carry_out(pool, owner)
    await erasure.erase(pool, owner.workspace_id, "nobody@example.com", LOCAL)
    assert await _asked(pool) == 0, "where nobody waited nothing is planned"


async def test_a_worker_plans_what_a_cancel_made_room_for(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox
) -> None:
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=10))
    large = (await schedule_campaign(pool, owner, addresses(200, "large"), start_time=tomorrow())).campaign.id
    start = tomorrow() + HOUR
    news = (await schedule_campaign(pool, owner, addresses(5, "news"), start_time=start)).campaign.id
    assert min(await _times(pool, news)) > start + 10 * HOUR

    async def at_its_start() -> bool:
        return await _times(pool, news) == [start] * 5

    async with running_workers(database_url, settings_for(sink)):
        await campaigns.cancel(pool, owner.workspace_id, large)
        await wait_for(at_its_start, "the other campaign to move up")


async def test_what_needs_no_room_stays_as_it_is(pool: Pool, owner: Owner) -> None:
    """Above all what is due: a million emails that leave as fast as can be are not written anew for nothing."""
    going = (await schedule_campaign(pool, owner, addresses(20, "a"))).campaign.id
    spaced = (
        await schedule_campaign(pool, owner, addresses(20, "b"), start_time=tomorrow(), delay_between_ms=100)
    ).campaign.id
    other = (await schedule_campaign(pool, owner, addresses(20, "c"))).campaign.id
    before = await _times(pool, going) + await _times(pool, spaced)
    await campaigns.cancel(pool, owner.workspace_id, other)
    assert await _carry_out(pool, owner)
    assert await _times(pool, going) + await _times(pool, spaced) == before


async def test_a_campaign_under_way_keeps_its_distance_when_it_is_planned_again(pool: Pool, owner: Owner) -> None:
    """Else each change of another campaign would have its next email leave at once."""
    made = (await schedule_campaign(pool, owner, 5, delay_between_ms=60_000)).campaign.id
    await execute(pool, "UPDATE emails SET scheduled_at = scheduled_at + interval '40 s'")
    await execute(pool, "UPDATE streams SET free_at = (SELECT min(scheduled_at) FROM emails)")
    before = await _times(pool, made)
    await _ask(pool, owner, made)
    assert await _carry_out(pool, owner)
    assert await _times(pool, made) == before
    # A shorter delay counts from now.
    await change.change(pool, owner.workspace_id, made, Changes(delay_between_ms=1000))
    after = await _times(pool, made)
    assert after[0] <= datetime.now(UTC) + SECOND
    assert {later - earlier for earlier, later in pairwise(after)} == {SECOND}


@pytest.mark.parametrize("calendar", [None, OF_RECIPIENTS])
async def test_a_change_is_taken_while_the_last_email_of_a_sender_goes(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch, calendar: CampaignCalendar | None
) -> None:
    """Between the look at which senders have something and the look at how much, it may have left."""
    made = (await schedule_campaign(pool, owner, 5, start_time=tomorrow(), calendar=calendar)).campaign.id
    read = course.read_course

    async def of_nothing(*args: Any, **kwargs: Any) -> tuple[Any, Course]:
        stream, its = await read(*args, **kwargs)
        return stream | {"scheduled": 0}, its

    monkeypatch.setattr(course, "read_course", of_nothing)
    await change.change(pool, owner.workspace_id, made, Changes(delay_between_ms=1000))
    end = datetime.now(UTC) + timedelta(days=9)
    await change.change(pool, owner.workspace_id, made, Changes(latest_at=end))
    assert len(set(await _times(pool, made))) == 5


# Batches


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replan, "MOST", 10)
    monkeypatch.setattr(changes, "BATCH", 10)
    monkeypatch.setattr(changes, "SMALLEST_BATCH", 10)
    monkeypatch.setattr(changes, "PAGE", 7)


@pytest.mark.usefixtures("small_batches")
async def test_a_plan_of_many_batches_is_one_plan(pool: Pool, owner: Owner, box: SecretBox) -> None:
    await clear_of_the_hour()
    made = (await schedule_campaign(pool, owner, 95, hourly_limit=40)).campaign.id
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=25))
    found = await rows(
        pool,
        "SELECT count(*) AS n FROM emails WHERE campaign_id = %s GROUP BY hour_of(scheduled_at) ORDER BY min(id)",
        made,
    )
    assert [row["n"] for row in found] == [25, 25, 25, 20]
    assert sorted(await _times(pool, made)) == await _times(pool, made)
    assert await _asked(pool) == 0


class Broken(Exception):
    """An end of a process in the middle of a plan."""


@pytest.mark.usefixtures("small_batches")
async def test_a_plan_that_is_broken_off_is_begun_again_and_comes_out_the_same(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = tomorrow()
    made = (await schedule_campaign(pool, owner, 50, start_time=start)).campaign.id
    batches = 0

    async def move_two(
        conn: Conn, workspace_id: int, stream_id: int, ids: Sequence[int], times: Sequence[datetime], way: Course
    ) -> int:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise Broken
        return await move(conn, workspace_id, stream_id, ids, times, way)

    monkeypatch.setattr(changes, "move", move_two)
    with pytest.raises(Broken):
        await change.change(pool, owner.workspace_id, made, Changes(delay_between_ms=1000))
    planned = [start + number * SECOND for number in range(50)]
    assert await _times(pool, made) == planned[:20] + [start] * 30
    assert await _asked(pool) == 1
    assert await _carry_out(pool, owner)
    assert await _times(pool, made) == planned
    assert await _asked(pool) == 0


async def test_what_nobody_is_at_any_more_is_found_by_the_sweep(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    start = tomorrow()
    made = (await schedule_campaign(pool, owner, 5, start_time=start)).campaign.id
    await execute(pool, "UPDATE campaigns SET delay_ms = 1000")
    await _ask(pool, owner, made)
    await execute(
        pool,
        "UPDATE plan_changes SET asked_at = now() - interval '1 minute', taken_by = gen_random_uuid(),"
        " taken_until = now() - interval '1 second'",
    )

    async def planned() -> bool:
        return await _times(pool, made) == [start + number * SECOND for number in range(5)]

    async with running_workers(database_url, settings_for(sink)):
        await wait_for(planned, "the sweep to have it planned")


@pytest.mark.usefixtures("small_batches")
async def test_what_changes_meanwhile_counts(pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    start = tomorrow()
    made = (await schedule_campaign(pool, owner, 30, start_time=start)).campaign.id
    batches = 0

    async def move_and_change(
        conn: Conn, workspace_id: int, stream_id: int, ids: Sequence[int], times: Sequence[datetime], way: Course
    ) -> int:
        nonlocal batches
        batches += 1
        if batches == 1:
            await execute(pool, "UPDATE campaigns SET delay_ms = 2000 WHERE id = %s", made)
            # As `ask_for_campaign`, which would wait for the batch that we are in.
            asking.append(asyncio.create_task(_ask(pool, owner, made)))
        return await move(conn, workspace_id, stream_id, ids, times, way)

    asking: list[asyncio.Task[None]] = []
    monkeypatch.setattr(changes, "move", move_and_change)
    await change.change(pool, owner.workspace_id, made, Changes(delay_between_ms=1000))
    await asyncio.gather(*asking)
    assert await _carry_out(pool, owner)
    assert await _times(pool, made) == [start + 2 * number * SECOND for number in range(30)]


async def test_one_at_a_time_plans_for_a_sender(pool: Pool, owner: Owner) -> None:
    made = (await schedule_campaign(pool, owner, 3, start_time=tomorrow())).campaign.id
    await _ask(pool, owner, made)
    await execute(pool, "UPDATE plan_changes SET taken_by = gen_random_uuid(), taken_until = now() + interval '1 min'")
    assert not await _carry_out(pool, owner)
    assert await _asked(pool) == 1
    await execute(pool, "UPDATE plan_changes SET taken_until = now() - interval '1 second'")
    assert await _carry_out(pool, owner)


async def test_a_campaign_scheduled_while_others_are_planned_is_planned_after_them(pool: Pool, owner: Owner) -> None:
    first = (await schedule_campaign(pool, owner, 3, start_time=tomorrow())).campaign.id
    assert await _asked(pool) == 0
    await _ask(pool, owner, first)
    second = (await schedule_campaign(pool, owner, addresses(3, "s"), start_time=tomorrow())).campaign.id
    assert await value(pool, "SELECT array_agg(campaign_id ORDER BY campaign_id) FROM plan_changes") == [first, second]


async def test_a_request_plans_the_first_emails_and_leaves_the_rest_to_a_worker(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "AT_ONCE", 10)
    start = tomorrow()
    made = (await schedule_campaign(pool, owner, 25, start_time=start)).campaign.id
    await change.change(pool, owner.workspace_id, made, Changes(delay_between_ms=1000))
    planned = [start + number * SECOND for number in range(25)]
    assert await _times(pool, made) == planned[:10] + [start] * 15

    async def whole() -> bool:
        return await _times(pool, made) == planned

    async with running_workers(database_url, settings_for(sink)):
        await wait_for(whole, "the worker to plan the rest")


async def test_retries_among_the_first_are_no_reason_to_leave_the_rest(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They keep their times, but are read with the others: fewer than were asked for are not all that there are."""
    monkeypatch.setattr(changes, "AT_ONCE", 10)
    start = tomorrow()
    made = (await schedule_campaign(pool, owner, 25, start_time=start)).campaign.id
    retry_at = start + HOUR
    await execute(
        pool, "UPDATE emails SET attempts = 1, retry_count = 1, scheduled_at = %s, not_before = %s WHERE id IN"
        " (SELECT id FROM emails ORDER BY id LIMIT 12)", retry_at, retry_at
    )  # fmt: skip
    await execute(pool, "UPDATE campaigns SET delay_ms = 1000")
    await _ask(pool, owner, made)
    assert not await changes.carry_out(pool, owner.workspace_id, owner.sender_id, at_most=10)
    assert await _asked(pool) == 1
    assert await _carry_out(pool, owner)
    assert await _times(pool, made) == [retry_at] * 12 + [start + number * SECOND for number in range(13)]


# Mending


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    ("delay_ms", "behind_s", "asked"),
    [
        (10_000, 70, 0),  # the batch holds all that is overdue; the rest is a minute too early, and the claim spaces it
        (1_000, 70, 1),
        (90_000, 700, 1),  # what the end of the plan is said to be is too far off
    ],
)
async def test_mending_moves_a_batch_and_leaves_the_rest_to_the_background(
    pool: Pool, owner: Owner, delay_ms: int, behind_s: int, asked: int
) -> None:
    made = (await schedule_campaign(pool, owner, 60, delay_between_ms=delay_ms)).campaign.id
    await execute(pool, "UPDATE emails SET scheduled_at = scheduled_at - make_interval(secs => %s)", behind_s)
    if delay_ms == 90_000:  # the second of it is as late
        await execute(pool, "UPDATE emails SET scheduled_at = scheduled_at - interval '90 s'")
    before = await _times(pool, made)
    now = await value(pool, "SELECT now()")
    async with transaction(pool) as conn:
        await replan.mend(conn, owner.workspace_id, owner.sender_id, over_limit=False)
    after = await _times(pool, made)
    assert min(after[:10]) >= now
    assert {later - earlier for earlier, later in pairwise(after[:10])} == {timedelta(milliseconds=delay_ms)}
    assert after[10:] == before[10:]
    assert await _asked(pool) == asked


@pytest.mark.usefixtures("small_batches")
async def test_more_than_a_batch_over_a_limit_is_planned_again_as_a_whole(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox
) -> None:
    await clear_of_the_hour()
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=5))
    made = (await schedule_campaign(pool, owner, 40)).campaign.id
    await execute(pool, "UPDATE emails SET scheduled_at = now() - interval '1 second' + id * interval '1 microsecond'")

    async def planned() -> bool:
        found = await rows(
            pool, "SELECT count(*) AS n FROM emails WHERE status = 'SCHEDULED' GROUP BY hour_of(scheduled_at)"
        )
        return [row["n"] for row in found] == [5] * 7

    async with running_workers(database_url, settings_for(sink)):
        await wait_for(planned, "the rest to move on")
    assert await value(pool, "SELECT sent FROM streams WHERE campaign_id = %s", made) == 5


# Nobody waits


async def test_others_are_served_while_a_sender_is_planned(
    api: httpx.AsyncClient, pool: Pool, user: User, stranger: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten clicks on "resume" took all connections, and everybody else was answered 503."""
    monkeypatch.setattr(course, "LOCK_MS", int(BOUND_S * 1000))
    monkeypatch.setattr(changes, "PATIENCE_S", BOUND_S)
    sender = await value(pool, "SELECT id FROM senders WHERE workspace_id = %s", user.workspace_id)
    made = [(await schedule(api, startTime=tomorrow().isoformat()))["campaign"]["id"] for _ in range(10)]
    for campaign in made:
        assert (await api.post(f"/api/campaigns/{campaign}/pause")).status_code == 200
    assert await changes.carry_out(pool, user.workspace_id, sender)
    async with transaction(pool) as conn:
        await lock_plan(conn, sender)
        clicks = [asyncio.create_task(api.post(f"/api/campaigns/{campaign}/resume")) for campaign in made]

        async def somebody_waits() -> bool:
            return await value(pool, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'") > 0

        await wait_for(somebody_waits, "the first to wait for the plan")
        assert (await api.get("/api/campaigns", headers=stranger)).status_code == 200
        assert await somebody_waits(), "the stranger was answered only when the clicks had given up"
    assert [(await click).json()["status"] for click in clicks] == ["ACTIVE"] * 10


async def test_a_change_stands_even_if_its_plan_has_to_wait(
    api: httpx.AsyncClient, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "LOCK_MS", 100)
    sender = await value(pool, "SELECT id FROM senders WHERE workspace_id = %s", user.workspace_id)
    made = (await schedule(api, startTime=tomorrow().isoformat()))["campaign"]["id"]
    async with transaction(pool) as conn:
        await lock_plan(conn, sender)
        assert (await api.patch(f"/api/senders/{sender}", json={"hourlyLimit": 7})).json()["hourlyLimit"] == 7
        changed = await api.patch(f"/api/campaigns/{made}", json={"delayBetweenMs": 5})
        assert changed.json()["delayBetweenMs"] == 5
    assert await value(pool, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'plan_again'") == 1
    assert await changes.carry_out(pool, user.workspace_id, sender)


async def test_twenty_thousand_that_nobody_has_counted_are_planned_without_being_walked(
    database_url: str, pool: Pool, owner: Owner, box: SecretBox
) -> None:
    """Each batch went through all that wait, for each of its emails: more than a minute, and a hundred times that with
    ten times as many.
    """
    count = 20_000
    await execute(pool, NEVER_COUNTED)
    made = (await schedule_campaign(pool, owner, count, start_time=tomorrow(), delay_between_ms=1)).campaign.id
    await campaigns.pause(pool, owner.workspace_id, made)
    before = await value(pool, EMAILS_READ)
    async with await open_pool(database_url, options="-c application_name=planner") as planner:
        await campaigns.resume(planner, owner.workspace_id, made)
        await change_sender(planner, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=1000))
        assert await _carry_out(planner, owner)
    gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'planner'"
    await wait_for(lambda: value(pool, gone), "what was read to be counted")
    hours = "SELECT max(n) FROM (SELECT count(*) AS n FROM emails GROUP BY hour_of(scheduled_at)) windows"
    assert await value(pool, hours) == 1000
    assert await value(pool, EMAILS_READ) - before < 20 * count


@pytest.mark.long
async def test_three_hundred_thousand_are_planned_while_everybody_goes_on(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches, looks, longest = 0, 0, 0

    async def move_and_count(*args: Any) -> int:
        nonlocal batches
        batches += 1
        return await move(*args)

    async def watch() -> None:
        """Somebody else's look at the same rows, and how many batches are written while it waits for them."""
        nonlocal looks, longest
        while True:
            before = batches
            async with transaction(pool) as conn:
                await lock_plan(conn, owner.sender_id)
                await conn.execute("SELECT FROM emails WHERE id = (SELECT min(id) FROM emails) FOR UPDATE")
                longest = max(longest, batches - before)
            looks += 1
            await asyncio.sleep(0.02)

    monkeypatch.setattr(changes, "move", move_and_count)
    await execute(pool, NEVER_COUNTED)
    made = (await schedule_campaign(pool, owner, 300_000, start_time=tomorrow(), delay_between_ms=1)).campaign.id
    watching = asyncio.create_task(watch())
    await change.change(pool, owner.workspace_id, made, Changes(delay_between_ms=2))
    await _carry_out(pool, owner)
    watching.cancel()
    assert looks > 10, looks
    assert longest <= 3, (longest, batches)  # the one that is being written, and those that waited before it
