"""Room for what follows: planned with the first step, left by every other plan, and used as it was foretold."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.db import Conn, Pool, Row
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import schedule
from app.domain.campaigns.change import Changes, change
from app.domain.campaigns.content import Content
from app.domain.campaigns.draft import Draft
from app.domain.campaigns.schedule import Request
from app.domain.campaigns.steps import Step
from app.domain.ledger import follow_ups
from app.domain.ledger.claims import Claimant, Report
from app.domain.ledger.exchange import exchange
from app.domain.planning import changes, move_up
from app.domain.planning.course import Course, SenderLoad, planning
from app.domain.planning.replan import mend
from app.domain.planning.slots import Limits, Ramp, hour_of
from app.domain.recipients.lists import RecipientList, from_json
from app.domain.suppressions.stop import stop
from app.errors import Conflict, NotFound
from tests.ledger.test_holds import PATIENCE, Lane
from tests.support.engine import (
    Owner,
    addresses,
    clear_of_the_hour,
    execute,
    rows,
    schedule_campaign,
    the_clock_moves_on,
    value,
)

HOUR = timedelta(hours=1)
TWO = (Step(wait=2 * HOUR, body="Did you see it?"), Step(wait=3 * HOUR, body="Well?"))


@pytest.fixture
async def mine(pool: Pool, owner: Owner) -> Lane:
    token = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    return Lane(pool, Claimant(token, owner.workspace_id, owner.sender_id))


async def send_what_is_due(mine: Lane) -> None:
    await follow_ups.follow_up(mine.pool)
    while await sent(mine):
        pass
    async with planning(mine.pool) as conn:
        await mend(conn, mine.claimant.workspace_id, mine.claimant.sender_id, over_limit=True)


async def sent_by_step(pool: Pool) -> list[int]:
    found = await rows(
        pool,
        "SELECT s.position, count(*) FILTER (WHERE e.status = 'SENT') AS n FROM campaign_steps s"
        " LEFT JOIN emails e ON e.step_id = s.id GROUP BY 1 ORDER BY 1",
    )
    return [row["n"] for row in found]


def of_eight(required: frozenset[str]) -> RecipientList:
    return from_json(addresses(8), required=required)


async def an_hour_passes(pool: Pool) -> None:
    await the_clock_moves_on(pool, HOUR)
    await execute(pool, "UPDATE emails SET sent_at = sent_at - %s, after_at = after_at - %s", HOUR, HOUR)


async def sent(mine: Lane) -> int:
    """Send the emails that are due; how many."""
    claims = await mine.claim()
    reports = [
        Report(one.id, "ACCEPTED", message_id=f"<{one.id}@x>", claimed_at=one.claimed_at, content_version=1)
        for one in claims
    ]
    async with mine.pool.connection() as conn:
        await exchange(conn, mine.claimant, reports, 0, patience=PATIENCE)
    return len(claims)


async def test_what_is_foretold_is_what_happens_if_nobody_answers(pool: Pool, owner: Owner, mine: Lane) -> None:
    """Hour by hour, step by step: 3 emails an hour, 8 people, three steps."""
    await clear_of_the_hour()
    await execute(pool, "UPDATE logins SET hourly_limit = 3")
    foretold = await schedule.preview(
        pool,
        owner.workspace_id,
        Request(
            Draft(content=Content("Hi", "Hello"), sender_id=owner.sender_id, steps=TWO, follow_up_without_reading=True),
            of_eight,
        ),
    )
    made = await schedule_campaign(pool, owner, 8, steps=TWO, follow_up_without_reading=True)
    assert [one.count for one in made.steps] == [8, 8, 8]
    both = [(told.first_at, step.first_at) for told, step in zip(foretold.steps, made.steps, strict=True)]
    assert all(told and at and abs(told - at) < timedelta(minutes=2) for told, at in both), both
    now: datetime = await value(pool, "SELECT now()")
    happened: list[list[int]] = []
    before = [0, 0, 0]
    while sum(before) < 24 and len(happened) < 30:
        await send_what_is_due(mine)
        after = await sent_by_step(pool)
        happened.append([n - earlier for n, earlier in zip(after, before, strict=True)])
        before = after
        await an_hour_passes(pool)
    hours = Counter({hour_of(window.start): window.count for window in made.hourly})
    assert [counts[0] for counts in happened[: len(hours)]] == [
        hours[hour_of(now) + n * HOUR] for n in range(len(hours))
    ]
    firsts = [next(n for n, counts in enumerate(happened) if counts[step]) for step in range(3)]
    lasts = [max(n for n, counts in enumerate(happened) if counts[step]) for step in range(3)]
    assert firsts == [(hour_of(one.first_at) - hour_of(now)) // HOUR for one in made.steps if one.first_at]
    assert lasts == [(hour_of(one.last_at) - hour_of(now)) // HOUR for one in made.steps if one.last_at]


async def test_every_other_plan_leaves_room_to_what_follows(pool: Pool, owner: Owner, mine: Lane) -> None:
    """A campaign of one step scheduled behind it, one whose emails were sent and owe, and one that is planned anew."""
    await clear_of_the_hour()
    await execute(pool, "UPDATE logins SET hourly_limit = 4")
    first = await schedule_campaign(pool, owner, 4, steps=TWO, follow_up_without_reading=True)
    now: datetime = await value(pool, "SELECT now()")
    kept = [hour_of(now) + n * HOUR for n in (0, 2, 5)]
    other = await schedule_campaign(pool, owner, addresses(20, "o"))
    hours = {hour_of(window.start) for window in other.hourly}
    assert hours.isdisjoint(kept)
    assert len(hours) == 5
    assert "FOLLOW_UPS" in other.held_back_by

    await sent(mine)
    again = await schedule_campaign(pool, owner, addresses(4, "a"), delay_between_ms=1)
    assert {hour_of(window.start) for window in again.hourly}.isdisjoint({*hours, *kept})

    for campaign in (other.campaign.id, first.campaign.id):
        await change(pool, owner.workspace_id, campaign, Changes(delay_between_ms=1_000))
    found = await rows(
        pool, "SELECT DISTINCT hour_of(scheduled_at) AS hour FROM emails WHERE campaign_id = %s", other.campaign.id
    )
    assert {row["hour"] for row in found} == hours


async def test_a_plan_that_is_made_anew_has_follow_ups_ahead_of_new_people(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    """They were made last, so in the order of the list they would come behind thousands."""
    await clear_of_the_hour()
    await execute(pool, "UPDATE logins SET hourly_limit = 2")
    made = await schedule_campaign(
        pool, owner, 12, steps=(Step(wait=timedelta(seconds=1), body="Well?"),), follow_up_without_reading=True
    )
    await sent(mine)
    await execute(
        pool,
        "UPDATE emails SET sent_at = sent_at - %s, follow_at = follow_at - %s WHERE follow_at IS NOT NULL",
        HOUR,
        HOUR,
    )
    assert (await follow_ups.follow_up(pool)).made == 2
    await the_clock_moves_on(pool, timedelta(minutes=1))
    await change(pool, owner.workspace_id, made.campaign.id, Changes(delay_between_ms=1_000))
    waiting = await rows(
        pool, "SELECT follows_id IS NOT NULL AS owed FROM emails WHERE status = 'SCHEDULED' ORDER BY scheduled_at, id"
    )
    assert [row["owed"] for row in waiting] == [True, True, *[False] * (len(waiting) - 2)]


async def test_new_people_move_up_into_room_that_answers_freed_once_a_day_and_when_a_person_asks(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    await clear_of_the_hour()
    await execute(pool, "UPDATE logins SET hourly_limit = 2")
    made = await schedule_campaign(
        pool, owner, 6, steps=(Step(wait=HOUR, body="Well?"),), follow_up_without_reading=True
    )
    workspace, campaign = owner.workspace_id, made.campaign.id
    nothing = await move_up.moved_up(pool, workspace, campaign)
    assert (nothing.at, nothing.by, nothing.last_now) == (None, None, made.last_at)
    await sent(mine)
    same = await move_up.move_up(pool, workspace, campaign)
    assert (same.by, same.last_before, same.last_now) == ("PERSON", made.last_at, made.last_at), "nobody answered"
    assert await move_up.move_up_daily(pool) == []

    for row in await rows(pool, "SELECT id FROM emails WHERE status = 'SENT'"):
        await stop(pool, workspace, row["id"], LOCAL)
    await execute(pool, "UPDATE campaigns SET moved_up_at = now() - interval '25 hours'")
    assert await move_up.move_up_daily(pool) == [campaign]
    assert (await move_up.moved_up(pool, workspace, campaign)).planning
    while await changes.carry_out(pool, workspace, owner.sender_id) is False:
        pass
    after = await move_up.moved_up(pool, workspace, campaign)
    assert (after.by, after.last_before, after.planning) == ("DAY", made.last_at, False)
    assert after.last_now is not None
    assert hour_of(after.last_now) == hour_of(made.last_at) - HOUR

    one = await schedule_campaign(pool, owner, 1)
    with pytest.raises(Conflict, match="follow-ups"):
        await move_up.move_up(pool, workspace, one.campaign.id)
    with pytest.raises(NotFound):
        await move_up.moved_up(pool, workspace, 0)


async def test_a_stream_that_fails_keeps_no_other_from_being_followed(
    pool: Pool, owner: Owner, mine: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And thousands that are due in one are not made before the first of another."""
    for _ in range(3):
        await schedule_campaign(
            pool, owner, 3, steps=(Step(wait=timedelta(seconds=1), body="Well?"),), follow_up_without_reading=True
        )
    await sent(mine)
    bad, *others = [row["id"] for row in await rows(pool, "SELECT id FROM streams ORDER BY id")]
    made: list[int] = []
    original = follow_ups._follow_up  # pyright: ignore[reportPrivateUsage]

    async def follow_up(conn: Conn, stream: Row) -> tuple[follow_ups.Followed, bool]:
        if stream["stream_id"] == bad:
            raise ValueError("a calendar that nobody understands")
        made.append(stream["stream_id"])
        return await original(conn, stream)

    monkeypatch.setattr(follow_ups, "_follow_up", follow_up)
    monkeypatch.setattr(follow_ups, "BATCH", 2)
    assert (await follow_ups.follow_up(pool)).made == 6
    assert made == [*others, *others]


@pytest.mark.parametrize("delay_ms", [0, 60_000])
def test_what_follows_in_a_zone_that_opens_late_leaves_the_morning_to_those_that_open_before(delay_ms: int) -> None:
    """It was planned first, and all that was new began behind it: each night anew, while one such email waited."""
    now = datetime(2026, 12, 1, 3, tzinfo=UTC)  # a Tuesday
    days = [0, 1, 2, 3, 4]
    calendar = {"zone": "Europe/Berlin", "recipientZones": True, "days": days, "from": "09:00", "to": "17:00"}
    unset = ("free_at", "latest_at", "hourly_limit", "share_percent")
    stream = dict.fromkeys(unset) | {"start_at": now, "delay_ms": delay_ms, "jitter_percent": 0, "copies": 0}
    stream |= {"stepped": True, "waits": [], "own_used": 0, "calendar": calendar | {"holidays": None}}
    course = Course(stream, SenderLoad(now, 1, 1000, Limits(1000), Counter(), Counter(), now.date(), 0), {})
    owed, *new = course.places(["America/Los_Angeles", *["Europe/Berlin"] * 3], 1)
    assert owed.at == now.replace(hour=17)
    gap = timedelta(milliseconds=delay_ms)
    assert [place.at for place in new] == [now.replace(hour=8) + n * gap for n in range(3)]


def test_in_recipients_zones_the_ramp_holds_on_days_before_those_of_what_follows() -> None:
    """What follows was planned first, into days behind; the days before these were taken to be as far up the ramp."""
    now = datetime(2026, 12, 4, 3, tzinfo=UTC)  # a Friday
    days = [0, 1, 2, 3, 4]
    calendar = {"zone": "Europe/Berlin", "recipientZones": True, "days": days, "from": "09:00", "to": "17:00"}
    unset = ("free_at", "latest_at", "hourly_limit", "share_percent")
    stream = dict.fromkeys(unset) | {"start_at": now, "delay_ms": 0, "jitter_percent": 0, "copies": 0}
    stream |= {"stepped": True, "waits": [], "own_used": 0, "calendar": calendar | {"holidays": None}}
    load = SenderLoad(now, 1, 1000, Limits(1000, ramp=Ramp(5, 5)), Counter(), Counter(), now.date(), 0)
    places = Course(stream, load, {}).places(["America/Los_Angeles"] * 12 + ["Europe/Berlin"] * 20, 12)
    by_day = Counter(place.at.date() for place in places)
    assert [count for _, count in sorted(by_day.items())] == [5, 7, 15, 5]
