"""Verdicts of the claim on due emails: they go, are too late, or need another slot; gaps of logins, direct mail."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.db import Pool, fetch_exactly_one, transaction
from app.domain.campaigns import campaigns
from app.domain.campaigns.change import Changes, change
from app.domain.ledger import decisions, holds, streams
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import exchange, outlook
from app.domain.planning import changes, handover
from app.domain.planning.campaign_calendar import DAYS, CampaignCalendar
from app.domain.planning.course import move
from app.errors import Conflict
from tests.ledger.test_holds import PATIENCE, Lane
from tests.support.engine import (
    Owner,
    add_sender,
    check_conservation,
    execute,
    rows,
    schedule_campaign,
    the_clock_moves_on,
    value,
)


@pytest.fixture
async def mine(pool: Pool, owner: Owner) -> Lane:
    """A worker that claims for the owner's sender."""
    token = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    return Lane(pool, Claimant(token, owner.workspace_id, owner.sender_id))


async def test_what_has_not_gone_by_the_campaigns_end_is_cancelled_as_late(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = (await schedule_campaign(pool, owner, 5)).campaign.id
    await execute(pool, "UPDATE streams SET latest_at = now() - interval '1 s'")
    assert await mine.claim(3) == []
    assert (await check_conservation(pool, campaign))["CANCELLED"] == 3  # no more in one exchange than were asked for
    assert await mine.claim(3) == []
    assert await check_conservation(pool, campaign) == {"CANCELLED": 5}
    assert await value(pool, "SELECT status FROM campaigns WHERE id = %s", campaign) == "FINISHED"
    assert await rows(pool, "SELECT DISTINCT cancel_reason::text FROM emails") == [{"cancel_reason": "LATE"}]


@pytest.mark.parametrize("kind", ["RELEASED", "UNBEGUN", "DEFERRED", "UNKNOWN"])
async def test_what_comes_back_to_a_campaign_that_was_cancelled_says_that_it_was(
    pool: Pool, owner: Owner, mine: Lane, kind: str
) -> None:
    made = (await schedule_campaign(pool, owner, 2, on_unknown="resend")).campaign.id
    (claim,) = await mine.claim(1)
    await campaigns.cancel(pool, owner.workspace_id, made)
    await _report(mine, claim, kind)
    await check_conservation(pool, made)
    stands = await value(pool, "SELECT array_agg(DISTINCT cancel_reason::text) FROM emails WHERE status = 'CANCELLED'")
    assert stands == ["CAMPAIGN"]
    assert await value(pool, "SELECT count(*) FROM emails WHERE status = 'SCHEDULED'") == 0


async def test_an_email_whose_slot_is_over_stands_behind_until_it_has_another(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = (await schedule_campaign(pool, owner, 4)).campaign.id
    await execute(
        pool,
        "UPDATE emails SET until = now() - interval '1 s', scheduled_at = now() - interval '1 h'"
        " WHERE id < (SELECT max(id) FROM emails)",
    )
    assert await mine.claim(3) == []
    (last,) = await mine.claim(3)
    assert last.recipient == await value(pool, "SELECT recipient FROM emails WHERE id = (SELECT max(id) FROM emails)")
    aside = await value(pool, "SELECT count(*) FROM emails WHERE scheduled_at > now() + interval '14 m'")
    assert aside == 3
    assert await value(pool, "SELECT campaign_id FROM plan_changes") == campaign
    assert await streams.heal(pool) == []
    await check_conservation(pool, campaign)


async def test_a_logins_least_gap_holds_over_its_campaigns_however_many_are_due(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    for name in ("a", "b"):
        await schedule_campaign(pool, owner, [f"{name}{number}@example.com" for number in range(3)])
    await execute(pool, "UPDATE logins SET least_gap_ms = 60000")
    for _ in range(3):
        assert len(await mine.claim(10)) == 1
        assert await mine.claim(10) == []
        await the_clock_moves_on(pool, timedelta(seconds=61))
    await the_clock_moves_on(pool, timedelta(hours=1))
    assert len(await mine.claim(10)) == 1, "a new hour and a long pause are no reason for a burst"


async def test_direct_mail_goes_first_and_waits_for_no_gap_of_others(pool: Pool, owner: Owner, mine: Lane) -> None:
    await schedule_campaign(pool, owner, 3)
    await execute(pool, "UPDATE logins SET least_gap_ms = 60000")
    assert len(await mine.claim(10)) == 1
    direct = (await schedule_campaign(pool, owner, ["direct@example.com"])).campaign.id
    await execute(pool, "UPDATE streams SET direct = true WHERE campaign_id = %s", direct)
    (claim,) = await mine.claim(10)
    assert claim.campaign_id == direct


async def test_direct_mail_is_claimed_before_what_was_due_earlier(pool: Pool, owner: Owner, mine: Lane) -> None:
    await schedule_campaign(pool, owner, 3)
    direct = (await schedule_campaign(pool, owner, ["direct@example.com"])).campaign.id
    await execute(pool, "UPDATE streams SET direct = true WHERE campaign_id = %s", direct)
    (claim,) = await mine.claim(1)
    assert claim.campaign_id == direct


async def test_what_is_set_aside_asks_for_one_plan_however_many_claims_set_aside(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    """A spaced campaign sets aside an email a claim. Each asked anew, so no plan was neglected, nor kept under way."""
    await schedule_campaign(pool, owner, 3, delay_between_ms=10_000)
    await execute(pool, "UPDATE emails SET until = now() - interval '1 s', scheduled_at = now() - interval '1 h'")
    assert await mine.claim(1) == []
    asked_at = await value(pool, "SELECT asked_at FROM plan_changes")
    assert await mine.claim(1) == []
    assert await value(pool, "SELECT asked_at FROM plan_changes") == asked_at
    assert await value(pool, "SELECT count(*) FROM emails WHERE scheduled_at > now()") == 2


async def test_an_email_that_goes_back_to_a_time_that_others_have_passed_is_found(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    """An exchange that waited for its turn has an earlier now() than those before it."""
    campaign = (await schedule_campaign(pool, owner, 2)).campaign.id
    (first,) = await mine.claim(1)
    async with pool.connection() as conn, conn.transaction():
        began = (await fetch_exactly_one(conn, b"SELECT now() AS at"))["at"]
        await execute(pool, "UPDATE emails SET scheduled_at = clock_timestamp() WHERE status = 'SCHEDULED'")
        (later,) = await mine.claim(1)
        back_in_s = (later.scheduled_at - began).total_seconds() / 2
        report = Report(first.id, "RELEASED", claimed_at=first.claimed_at, again_in_s=back_in_s, ended=time.monotonic())
        await exchange(conn, mine.claimant, [report], 0, patience=PATIENCE)
    assert await streams.heal(pool) == []
    await check_conservation(pool, campaign)


def _closed() -> CampaignCalendar:
    """One that opens in three hours, for two."""
    opens, closes = (f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}" for hours in (3, 5))
    return CampaignCalendar(timezone="UTC", days=list(DAYS), opens=opens, closes=closes)


async def _report(mine: Lane, claim: Claim, kind: Any, code: int | None = None) -> None:
    report = Report(claim.id, kind, command="RCPT", code=code, reply="no", claimed_at=claim.claimed_at)
    async with mine.pool.connection() as conn:
        await exchange(conn, mine.claimant, [report], 0, patience=PATIENCE)


async def _opens_in_hours(pool: Pool, owner: Owner, mine: Lane) -> None:
    """Nothing goes now, and all that waits has its time in the calendar's next opening."""
    assert await mine.claim(10) == []
    await changes.carry_out(pool, owner.workspace_id, owner.sender_id)
    first = await value(pool, "SELECT min(scheduled_at) FROM emails WHERE status = 'SCHEDULED'")
    assert first > datetime.now(UTC) + timedelta(hours=2)


@pytest.mark.parametrize(("kind", "code"), [("UNBEGUN", None), ("DEFERRED", 450)])
async def test_what_comes_back_after_the_calendar_was_changed_keeps_to_it(
    pool: Pool, owner: Owner, mine: Lane, kind: str, code: int | None
) -> None:
    made = (await schedule_campaign(pool, owner, 2)).campaign.id
    (claim,) = await mine.claim(1)
    await change(pool, owner.workspace_id, made, Changes(calendar=_closed()))
    await _report(mine, claim, kind, code)
    await the_clock_moves_on(pool, timedelta(minutes=30))
    await _opens_in_hours(pool, owner, mine)


async def test_what_a_person_sends_again_keeps_to_the_calendar(pool: Pool, owner: Owner, mine: Lane) -> None:
    made = (await schedule_campaign(pool, owner, 2)).campaign.id
    (claim,) = await mine.claim(1)
    await _report(mine, claim, "REJECTED", 550)
    await change(pool, owner.workspace_id, made, Changes(calendar=_closed()))
    await decisions.retry(pool, owner.workspace_id, claim.id)
    await _opens_in_hours(pool, owner, mine)


@pytest.mark.parametrize("answer", ["try", "go_on"])
async def test_what_goes_on_by_a_persons_word_keeps_to_the_calendar(
    pool: Pool, owner: Owner, mine: Lane, answer: Any
) -> None:
    """It was made due at once, with a slot of another time."""
    made = (await schedule_campaign(pool, owner, 8)).campaign.id
    await mine.refused(await mine.claim(6))
    assert await value(pool, "SELECT count(*) FROM holds") == 1
    await change(pool, owner.workspace_id, made, Changes(calendar=_closed()))
    await holds.answer_campaign(pool, owner.workspace_id, made, answer)
    await _opens_in_hours(pool, owner, mine)


async def test_after_a_campaigns_end_nobody_has_it_sent_again(pool: Pool, owner: Owner, mine: Lane) -> None:
    made = (await schedule_campaign(pool, owner, 1)).campaign.id
    (claim,) = await mine.claim(1)
    await _report(mine, claim, "REJECTED", 550)
    await execute(pool, "UPDATE campaigns SET latest_at = now()")
    await execute(pool, "UPDATE streams SET latest_at = now()")
    with pytest.raises(Conflict, match="latestAt is over"):
        await decisions.retry(pool, owner.workspace_id, claim.id)
    chosen = decisions.Chosen(ids=[claim.id])
    assert (await decisions.retry_many(pool, owner.workspace_id, chosen)).changed == 0
    assert await check_conservation(pool, made) == {"FAILED": 1}


class Broken(Exception):
    pass


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of a few emails are large ones."""
    monkeypatch.setattr(changes, "AT_ONCE", 10)
    monkeypatch.setattr(changes, "BATCH", 5)
    monkeypatch.setattr(changes, "SMALLEST_BATCH", 5)


async def _carry_out(pool: Pool, owner: Owner, at_most: int | None = None) -> bool:
    return await changes.carry_out(pool, *owner, at_most=at_most)


@pytest.mark.usefixtures("small")
async def test_nothing_goes_by_the_times_of_a_calendar_that_is_no_more(pool: Pool, owner: Owner, mine: Lane) -> None:
    made = (await schedule_campaign(pool, owner, 30)).campaign.id
    other = (await schedule_campaign(pool, owner, ["other@example.com"])).campaign.id
    await change(pool, owner.workspace_id, made, Changes(calendar=_closed()))
    assert await value(pool, "SELECT count(*) FROM emails WHERE scheduled_at <= now()") == 21, "part of it is planned"
    assert [claim.campaign_id for claim in await mine.claim(50)] == [other]
    async with pool.connection() as conn:
        look = await outlook(conn, mine.claimant)
    assert look is not None
    assert look.due_s is not None
    assert 0 < look.due_s <= 1, "looked at again in a moment, and not at once for ever"
    assert await _carry_out(pool, owner)
    assert await mine.claim(50) == []
    assert await value(pool, "SELECT min(scheduled_at) > now() + interval '2 h' FROM emails WHERE status = 'SCHEDULED'")


@pytest.mark.usefixtures("small")
async def test_a_plan_under_way_holds_nothing_that_comes_before_what_it_has_not_come_to(
    pool: Pool, owner: Owner, mine: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an hour between two emails nobody waits for the plan of the last."""
    made = (await schedule_campaign(pool, owner, 30, delay_between_ms=3_600_000)).campaign.id
    later = _closed()
    now = CampaignCalendar(
        timezone="UTC", days=list(DAYS), opens=f"{datetime.now(UTC) - timedelta(hours=1):%H:%M}", closes=later.closes
    )
    await change(pool, owner.workspace_id, made, Changes(calendar=now))
    assert await mine.claim(1) == [], "it does not know yet what comes after the first ten"
    batches = 0

    async def break_off(*args: Any) -> int:
        nonlocal batches
        batches += 1
        if batches == 2:
            raise Broken
        return await move(*args)

    with monkeypatch.context() as patch:
        patch.setattr(changes, "move", break_off)
        with pytest.raises(Broken):
            await _carry_out(pool, owner)
    eleventh = await value(pool, "SELECT scheduled_at FROM emails ORDER BY id OFFSET 10 LIMIT 1")
    assert await value(pool, "SELECT holds_from FROM plan_changes") == eleventh
    assert len(await mine.claim(1)) == 1
    assert await _carry_out(pool, owner)


@pytest.mark.usefixtures("small")
async def test_what_one_sender_gives_another_waits_for_the_new_calendar_too(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    """It would come to a stream of which nothing is asked, with the time that it had."""
    other = await add_sender(pool, owner, "other@example.com")
    both = [owner.sender_id, other.sender_id]
    made = (await schedule_campaign(pool, owner, 60, sender_ids=both)).campaign.id
    theirs = Lane(pool, mine.claimant._replace(sender_id=other.sender_id))
    await change(pool, owner.workspace_id, made, Changes(calendar=_closed()))
    await _carry_out(pool, other)
    assert await theirs.claim(50) == [], "the other's part may come to it"
    await change(pool, owner.workspace_id, made, Changes(sender_ids=[other.sender_id]))
    assert [handed.emails for handed in await handover.hand_over(pool)] == [30]
    await _carry_out(pool, owner)
    assert await theirs.claim(50) == [], "what came to it has no time by the calendar yet"
    assert await _carry_out(pool, other)
    assert await value(pool, "SELECT count(*) FROM plan_changes") == 0
    assert await theirs.claim(50) == []
    assert await value(pool, "SELECT min(scheduled_at) > now() + interval '2 h' FROM emails")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("count", "others", "goes"), [(5, [1], 0), (30, [1], 30), (5, [30], 5), (5, [8] * 6, 5)])
async def test_what_is_resumed_while_others_are_planned_waits_for_its_own_plan_if_that_is_a_moments(
    pool: Pool, owner: Owner, mine: Lane, count: int, others: list[int], goes: int
) -> None:
    """It went at once, by its times from before the pause. A large one does, for its plan may take minutes, and so does
    one behind it, or behind many small ones.
    """
    made = (await schedule_campaign(pool, owner, count)).campaign.id
    await campaigns.pause(pool, owner.workspace_id, made)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for emails in others:
        other = (await schedule_campaign(pool, owner, emails, start_time=tomorrow)).campaign.id
        async with transaction(pool, owner.workspace_id) as conn:
            await changes.ask_for_campaign(conn, owner.workspace_id, other)
    await execute(pool, "UPDATE plan_changes SET taken_by = gen_random_uuid(), taken_until = now() + interval '1 h'")
    assert (await campaigns.resume(pool, owner.workspace_id, made)).status == "ACTIVE"
    assert len(await mine.claim(50)) == goes
    await execute(pool, "UPDATE plan_changes SET taken_until = '-infinity'")
    assert await _carry_out(pool, owner)
    assert len(await mine.claim(50)) == count - goes
    assert await value(pool, "SELECT count(*) FROM plan_changes") == 0


@pytest.mark.usefixtures("small")
async def test_what_is_resumed_behind_a_large_plan_of_one_sender_is_held_on_none(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    """Held on another, it would be on that one as well as soon as anything changed there."""
    busy = await add_sender(pool, owner, "busy@example.com")
    made = (await schedule_campaign(pool, owner, 6, sender_ids=[owner.sender_id, busy.sender_id])).campaign.id
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    small = (await schedule_campaign(pool, owner, 2, start_time=tomorrow)).campaign.id
    large = (await schedule_campaign(pool, busy, 30, start_time=tomorrow)).campaign.id
    beside = (await schedule_campaign(pool, busy, 2, start_time=tomorrow)).campaign.id
    await campaigns.pause(pool, owner.workspace_id, made)
    async with transaction(pool, owner.workspace_id) as conn:
        for other in (small, large):
            await changes.ask_for_campaign(conn, owner.workspace_id, other)
    await execute(pool, "UPDATE plan_changes SET taken_by = gen_random_uuid(), taken_until = now() + interval '1 h'")
    await campaigns.resume(pool, owner.workspace_id, made)
    await campaigns.pause(pool, owner.workspace_id, beside)
    assert len(await mine.claim(50)) == 3


@pytest.mark.usefixtures("small")
async def test_what_is_resumed_is_large_or_not_over_all_of_its_senders(pool: Pool, owner: Owner, mine: Lane) -> None:
    """For one that waits for its plan keeps the others from going."""
    busy = await add_sender(pool, owner, "busy@example.com")
    ids = [owner.sender_id, busy.sender_id]
    made = (await schedule_campaign(pool, owner, 2 * changes.AT_ONCE, sender_ids=ids)).campaign.id
    await campaigns.pause(pool, owner.workspace_id, made)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    other = (await schedule_campaign(pool, busy, ["other@example.com"], start_time=tomorrow)).campaign.id
    async with transaction(pool, owner.workspace_id) as conn:
        await changes.ask_for_campaign(conn, owner.workspace_id, other)
    await execute(pool, "UPDATE plan_changes SET taken_by = gen_random_uuid(), taken_until = now() + interval '1 h'")
    assert (await campaigns.resume(pool, owner.workspace_id, made)).status == "ACTIVE"
    assert len(await mine.claim(50)) == changes.AT_ONCE
