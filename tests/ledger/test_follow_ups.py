"""Follow-ups: owed from when an email was sent, made as it falls due, stopped by an answer, never sent blindly."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import campaigns
from app.domain.campaigns.change import Changes, change
from app.domain.campaigns.content import Content
from app.domain.campaigns.steps import Step
from app.domain.inbound import inboxes, record
from app.domain.inbound.inboxes import Place
from app.domain.inbound.matching import Answer, Named
from app.domain.inbound.record import Found
from app.domain.ledger import after_restore, decisions, follow_ups, recovery, texts, threads
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import exchange, record_late
from app.domain.planning import waiting
from app.domain.planning.campaign_calendar import DAYS, CampaignCalendar
from app.domain.planning.reasons import Service, Waiting
from app.domain.suppressions import walk
from app.domain.suppressions.stop import stop
from app.domain.suppressions.suppressions import Asked, add
from app.errors import Conflict
from app.mail.inbound.facts import Inbound, Kind
from app.mail.inbound.facts import Report as Reported
from tests.ledger.test_holds import PATIENCE, Lane
from tests.support.engine import Owner, check_conservation, execute, row, rows, schedule_campaign, value

DAY = timedelta(days=1)
TWO = (Step(wait=3 * DAY, body="Did you see it?"), Step(wait=4 * DAY, subject="Last try", body="Well?"))


@pytest.fixture
async def mine(pool: Pool, owner: Owner) -> Lane:
    token = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    return Lane(pool, Claimant(token, owner.workspace_id, owner.sender_id))


async def scheduled(pool: Pool, owner: Owner, recipients: Any = 2, **draft: Any) -> int:
    draft = {"steps": TWO, "follow_up_without_reading": bool(draft.get("steps", TWO))} | draft
    return (await schedule_campaign(pool, owner, recipients, **draft)).campaign.id


async def tell(mine: Lane, claims: list[Claim], kind: Any = "ACCEPTED") -> None:
    reports = [
        Report(
            one.id,
            kind,
            message_id=f"<{one.id}@example.com>",
            claimed_at=one.claimed_at,
            content_version=one.content_version,
        )
        for one in claims
    ]
    async with mine.pool.connection() as conn:
        await exchange(conn, mine.claimant, reports, 0, patience=PATIENCE)


async def days_pass(pool: Pool, days: int) -> None:
    """Of what was sent, and of what follows; due now."""
    by = timedelta(days=days)
    await execute(pool, "UPDATE emails SET sent_at = sent_at - %s, follow_at = follow_at - %s", by, by)
    await execute(
        pool,
        "UPDATE emails SET after_at = after_at - %s, scheduled_at = scheduled_at - %s WHERE follows_id IS NOT NULL",
        by,
        by,
    )


async def follow(pool: Pool, mine: Lane, days: int) -> list[Claim]:
    """So many days later: the follow-ups that are due, claimed."""
    await days_pass(pool, days)
    await follow_ups.follow_up(pool)
    return await mine.claim()


async def why(pool: Pool, owner: Owner, campaign: int) -> Waiting:
    async with transaction(pool, owner.workspace_id) as conn:
        return (await waiting.of_campaigns(conn, owner.workspace_id, [campaign], Service()))[campaign]


async def test_each_step_follows_the_one_before_after_its_wait_and_then_the_campaign_is_finished(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner)
    await tell(mine, await mine.claim())
    assert await follow_ups.follow_up(pool) == (0, 0), "nothing is due for three days"
    read = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    assert (read.status, read.total, read.recipients, read.following) == ("ACTIVE", 2, 2, 2)
    assert (await why(pool, owner, campaign)).reason == "FOLLOWS"
    waits = await value(pool, "SELECT min(follow_at - sent_at) FROM emails")
    assert waits == 3 * DAY

    second = await follow(pool, mine, 3)
    assert len(second) == 2
    assert await follow_ups.follow_up(pool) == (0, 0)
    await check_conservation(pool, campaign)
    await tell(mine, second)
    third = await follow(pool, mine, 4)
    assert len({one.step_id for one in second + third}) == 2
    await tell(mine, third)
    assert await check_conservation(pool, campaign) == {"SENT": 6}
    read = await campaigns.get_campaign(pool, owner.workspace_id, campaign)
    assert (read.status, read.total, read.recipients, read.following) == ("FINISHED", 6, 2, 0)
    assert [(one.step, one.sent, one.wait) for one in read.steps] == [(1, 2, "P0D"), (2, 2, "P3D"), (3, 2, "P4D")]


async def test_a_campaign_of_one_step_owes_nothing(pool: Pool, owner: Owner, mine: Lane) -> None:
    campaign = await scheduled(pool, owner, steps=())
    await tell(mine, await mine.claim())
    assert await rows(pool, "SELECT id FROM campaign_steps") == []
    assert await value(pool, "SELECT count(*) FROM emails WHERE step_id IS NOT NULL OR follow_at IS NOT NULL") == 0
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).steps == []


async def test_what_was_in_doubt_and_turns_out_sent_is_followed_too(pool: Pool, owner: Owner, mine: Lane) -> None:
    """By a person, by a late report, and by the policy when its worker is lost."""
    campaign = await scheduled(pool, owner, 3)
    doubtful, late, lost = await mine.claim()
    await tell(mine, [doubtful], "UNKNOWN")
    await tell(mine, [late], "UNKNOWN")
    await decisions.resolve(pool, owner.workspace_id, doubtful.id, "sent")
    await execute(pool, "UPDATE attempts SET command = NULL WHERE email_id = %s", late.id)
    async with pool.connection() as conn:
        await record_late(conn, mine.claimant, [Report(late.id, "ACCEPTED", claimed_at=late.claimed_at)])
    await execute(pool, "UPDATE campaigns SET on_unknown = 'assume_sent'")
    await execute(pool, "UPDATE workers SET lease_until = now() - interval '1 s'")
    async with transaction(pool) as conn:
        await recovery.recover(conn, None)
    assert await value(pool, "SELECT array_agg(id ORDER BY id) FROM emails WHERE follow_at IS NOT NULL") == sorted(
        [doubtful.id, late.id, lost.id]
    )
    await check_conservation(pool, campaign)


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("how", ["person", "suppressed", "cancelled", "domain"])
async def test_who_is_stopped_gets_no_further_step(pool: Pool, owner: Owner, mine: Lane, how: str, waits: bool) -> None:
    """Before the follow-up is an email, and after."""
    campaign = await scheduled(pool, owner, ["them@example.com"])
    (first,) = await mine.claim()
    await tell(mine, [first])
    if waits:
        await days_pass(pool, 3)
        await follow_ups.follow_up(pool)
    if how == "person":
        await stop(pool, owner.workspace_id, first.id, LOCAL)
    elif how == "cancelled":
        await campaigns.cancel(pool, owner.workspace_id, campaign)
    else:
        emails, domains = (["them@example.com"], []) if how == "suppressed" else ([], ["example.com"])
        await add(pool, owner.workspace_id, emails, domains, Asked(), LOCAL)
        await walk.walk(pool)
    assert await follow(pool, mine, 3) == []
    counts = await check_conservation(pool, campaign)
    assert counts == ({"SENT": 1, "CANCELLED": 1} if waits else {"SENT": 1})
    assert await value(pool, "SELECT sum(following) FROM streams") == 0
    status = "CANCELLED" if how == "cancelled" else "FINISHED"
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).status == status


async def test_who_is_stopped_while_a_step_is_being_sent_gets_no_next_one(pool: Pool, owner: Owner, mine: Lane) -> None:
    await scheduled(pool, owner, 1)
    claims = await mine.claim()
    await stop(pool, owner.workspace_id, claims[0].id, LOCAL)
    await tell(mine, claims)
    assert await row(pool, "SELECT status::text, follow_at, stopped::text FROM emails") == {
        "status": "SENT",
        "follow_at": None,
        "stopped": "STOPPED",
    }
    with pytest.raises(Conflict):
        await stop(pool, owner.workspace_id, claims[0].id, LOCAL)


async def answered(pool: Pool, mine: Lane, claim: Claim, kind: Kind, back_on: date | None = None) -> None:
    """Something came back for the email."""
    if not await rows(pool, "SELECT FROM inboxes"):
        await execute(pool, "UPDATE senders SET imap_host = 'i.example.com', imap_port = 993, imap_security = 'tls'")
        await execute(pool, "INSERT INTO inboxes (workspace_id, sender_id) SELECT workspace_id, id FROM senders")
    await execute(pool, "UPDATE inboxes SET next_at = now(), lease_until = NULL, lease_token = NULL")
    (inbox,) = await inboxes.lease(pool, uuid4(), 60)
    email = await row(
        pool,
        "SELECT e.id, e.campaign_id, e.stream_id, s.sender_id, e.recipient, e.status::text FROM emails e"
        " JOIN streams s ON s.id = e.stream_id WHERE e.id = %s",
        claim.id,
    )
    report = Reported(claim.recipient, "failed", "hard", "USER_UNKNOWN", 550, "5.1.1", "no such user")
    said = report if kind in {"BOUNCE", "COMPLAINT"} else None
    inbound = Inbound(kind, sender=claim.recipient, message_id=f"{claim.id}.{kind}@x.example", back_on=back_on)
    found = Found(
        Answer(inbound, Named(**email), False, said), Place("INBOX", 7, claim.id), await value(pool, "SELECT now()")
    )
    assert await record.record(pool, inbox, found)


@pytest.mark.parametrize("when", ["owed", "waits", "being sent"])
@pytest.mark.parametrize("kind", ["REPLY", "BOUNCE", "COMPLAINT", "UNSUBSCRIBE"])
async def test_who_answers_gets_no_further_step(pool: Pool, owner: Owner, mine: Lane, kind: Kind, when: str) -> None:
    """Of what is being sent meanwhile, nothing follows."""
    campaign = await scheduled(pool, owner, ["them@example.com", "other@example.com"])
    claims = await mine.claim()
    first = next(one for one in claims if one.recipient == "them@example.com")
    await tell(mine, claims)
    second: list[Claim] = []
    if when != "owed":
        await days_pass(pool, 3)
        await follow_ups.follow_up(pool)
        second = await mine.claim() if when == "being sent" else []
    await answered(pool, mine, first, kind)
    await tell(mine, second)
    if when != "being sent":
        second = await follow(pool, mine, 3)
        assert [one.recipient for one in second] == ["other@example.com"]
        await tell(mine, second)
    third = await follow(pool, mine, 4)
    assert [one.recipient for one in third] == ["other@example.com"]
    await check_conservation(pool, campaign)


async def test_an_absence_note_stops_nothing_unless_it_is_said_to_and_is_waited_for(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner, ["a@example.com", "b@example.com"])
    claims = await mine.claim()
    await tell(mine, claims)
    back_on = (await value(pool, "SELECT now()")).date() + 30 * DAY
    await answered(pool, mine, claims[0], "AUTO_REPLY", back_on)
    waits = await value(pool, "SELECT (follow_at AT TIME ZONE 'UTC')::date FROM emails WHERE id = %s", claims[0].id)
    assert waits == back_on + 2 * DAY
    second = await follow(pool, mine, 3)
    assert [one.recipient for one in second] == [claims[1].recipient]
    await tell(mine, second)
    await days_pass(pool, 3)
    await execute(pool, "UPDATE emails SET follow_at = now() WHERE id = %s", claims[0].id)
    await execute(pool, "UPDATE responses SET back_on = back_on - 33")
    await follow_ups.follow_up(pool)
    await answered(pool, mine, second[0], "AUTO_REPLY", None)
    assert await value(pool, "SELECT sum(following) FROM streams") == 1, "it names no day"
    await execute(pool, "UPDATE campaigns SET stop_on_auto_reply = true")
    (waiting,) = await mine.claim()
    await tell(mine, [waiting])
    await answered(pool, mine, waiting, "AUTO_REPLY", back_on)
    assert await follow(pool, mine, 60) != []
    assert await value(pool, "SELECT stopped::text FROM emails WHERE id = %s", claims[0].id) == "REPLIED"
    await check_conservation(pool, campaign)


async def test_a_follow_up_is_in_the_thread_of_the_first_under_the_ids_that_they_went_out_with(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    steps = (Step(wait=DAY, body="2"), Step(wait=DAY, body="3"), Step(wait=DAY, subject="New", body="4"))
    await scheduled(pool, owner, 1, steps=(*steps, Step(wait=DAY, body="5")))
    seen: list[threads.Thread] = []
    claims = await mine.claim()
    sent: list[int] = []
    for _ in range(4):
        sent.append(claims[0].id)
        await tell(mine, claims)
        await execute(pool, "UPDATE emails SET provider_message_id = 'p@ses' WHERE id = %s", sent[0])
        claims = await follow(pool, mine, 1)
        seen.append(await threads.thread_of(pool, owner.workspace_id, claims[0].id))
    ids = [f"<{one}@example.com>" for one in sent]
    both = [ids[0], "<p@ses>"]  # ours, and what its readers have
    assert [thread.references(str) for thread in seen] == [both, [*both, ids[1]], [], [ids[3]]]
    assert [thread.subject for thread in seen] == ["Re: Hello", "Re: Hello", None, "Re: New"]


async def test_two_sweeps_make_a_follow_up_once_and_nothing_of_a_paused_campaign(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner, 3)
    await tell(mine, await mine.claim())
    await days_pass(pool, 3)
    await campaigns.pause(pool, owner.workspace_id, campaign)
    assert await follow_ups.follow_up(pool) == (0, 0)
    await campaigns.resume(pool, owner.workspace_id, campaign)
    assert (await follow_ups.follow_up(pool)).made == 3
    # As if the sweep had died in between: owed once more, and there already.
    await execute(pool, "UPDATE emails SET follow_at = now() WHERE follows_id IS NULL")
    assert await follow_ups.follow_up(pool) == (0, 0)
    assert await value(pool, "SELECT count(*) FROM emails WHERE follows_id IS NOT NULL") == 3
    assert await value(pool, "SELECT sum(following) FROM streams") == 0
    await check_conservation(pool, campaign)


async def test_what_a_restored_ledger_owes_may_have_been_sent_and_is_in_doubt(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner, 2)
    await tell(mine, await mine.claim())
    await days_pass(pool, 5)
    await execute(pool, "UPDATE emails SET follow_at = now() + interval '30 m' WHERE id = (SELECT max(id) FROM emails)")
    await execute(pool, "UPDATE workers SET lease_until = now() - interval '1 s'")
    await after_restore.hold_all(pool)
    assert await check_conservation(pool, campaign) == {"SENT": 2, "UNKNOWN": 1}
    assert await value(pool, "SELECT sum(following) FROM streams") == 1, "that one was not due"


async def test_a_campaign_that_was_paused_for_a_month_goes_on_in_its_calendar_at_its_pace_and_forgets_nobody(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = await scheduled(pool, owner, 6)
    await tell(mine, await mine.claim())
    tomorrow = (await value(pool, "SELECT now()")).date() + DAY
    calendar = CampaignCalendar(timezone="UTC", days=[DAYS[tomorrow.weekday()]], opens="09:00", closes="17:00")
    changes = Changes(calendar=calendar, delay_between_ms=60_000)
    await change(pool, owner.workspace_id, campaign, changes)
    await campaigns.pause(pool, owner.workspace_id, campaign)
    await days_pass(pool, 30)
    assert await follow_ups.follow_up(pool) == (0, 0)
    await campaigns.resume(pool, owner.workspace_id, campaign)
    assert (await follow_ups.follow_up(pool)).made == 6
    assert await follow_ups.follow_up(pool) == (0, 0), "nobody twice"
    times = await rows(pool, "SELECT scheduled_at AS at, until FROM emails WHERE after_at IS NOT NULL")
    assert {one["at"].date() for one in times} == {tomorrow}
    assert all(9 <= one["at"].hour < 17 == one["until"].hour for one in times)
    assert await mine.claim() == []

    opened = "UPDATE emails SET scheduled_at = now() - interval '1 s', until = now() + interval '1 h'"
    await execute(pool, f"{opened} WHERE after_at IS NOT NULL")
    second = await mine.claim()
    assert len(second) == 1, "all of them are due, and the campaign's delay lies between them"
    while len(second) < 6:
        assert await mine.claim() == []
        await execute(pool, "UPDATE streams SET free_at = free_at - interval '1 m'")
        second += await mine.claim()
    assert len({one.recipient for one in second}) == 6
    await tell(mine, second)
    assert await check_conservation(pool, campaign) == {"SENT": 12}
    assert await value(pool, "SELECT sum(following) FROM streams") == 6


@pytest.mark.parametrize("waits", [False, True])
async def test_what_waits_for_somebodys_return_leaves_at_its_time_of_day_after_that(
    pool: Pool, owner: Owner, mine: Lane, waits: bool
) -> None:
    """Whether the follow-up is an email by then or not."""
    step = Step(wait=DAY, body="Back?", time_of_day=time(10, 30))
    campaign = await scheduled(pool, owner, 1, steps=(step,))
    claims = await mine.claim()
    await tell(mine, claims)
    if waits:
        await days_pass(pool, 1)
        assert (await follow_ups.follow_up(pool)).made == 1
    back_on = (await value(pool, "SELECT now()")).date() + 30 * DAY
    await answered(pool, mine, claims[0], "AUTO_REPLY", back_on)
    if not waits:
        await execute(pool, "UPDATE responses SET back_on = back_on - 30")
        await execute(pool, "UPDATE emails SET follow_at = now()")
        assert (await follow_ups.follow_up(pool)).made == 1
        back_on -= 30 * DAY
    leaves = await value(pool, "SELECT scheduled_at FROM emails WHERE after_at IS NOT NULL")
    assert leaves.astimezone(UTC) == datetime.combine(back_on + 2 * DAY, time(10, 30), UTC)
    await check_conservation(pool, campaign)


async def test_what_cannot_be_written_any_more_is_not_quoted_and_fails_nothing(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    content = Content(subject="Hi", body="Hello {{ name }}")
    people: Any = [{"email": "ann@example.com", "name": "Ann"}]
    await scheduled(pool, owner, people, content=content, steps=(Step(wait=DAY, body="Well?", quotes=True),))
    await tell(mine, await mine.claim())
    (second,) = await follow(pool, mine, 1)
    said = await texts.get_message(pool, owner.workspace_id, second.id, "http://x")
    assert "> Hello Ann" in said.text
    await execute(pool, "UPDATE emails SET fields = '{}'")
    said = await texts.get_message(pool, owner.workspace_id, second.id, "http://x")
    assert said.text.strip() == "Well?"


async def test_a_follow_up_names_the_day_of_the_message_and_not_that_on_which_somebody_said_that_it_was_sent(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    steps = (Step(wait=DAY, body="I wrote on {{ sent_at }}.", quotes=True),)
    await scheduled(pool, owner, 1, steps=steps)
    (first,) = await mine.claim()
    await tell(mine, [first], "UNKNOWN")
    await execute(pool, "UPDATE emails SET claimed_at = '2026-11-06T12:00Z'")
    await decisions.resolve(pool, owner.workspace_id, first.id, "sent")
    (second,) = await follow(pool, mine, 1)
    assert (await threads.thread_of(pool, owner.workspace_id, second.id)).sent_on == "2026-11-06"
    said = await texts.get_message(pool, owner.workspace_id, second.id, "http://x")
    assert "I wrote on 2026-11-06." in said.text
    assert "On November 6, 2026" in said.text
