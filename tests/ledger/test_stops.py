"""Recipients who answered or were stopped get nothing more, whatever was on its way; the others' steps go on."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import campaigns, direct
from app.domain.campaigns.content import Content
from app.domain.campaigns.direct import Direct, Thread
from app.domain.inbound import responses
from app.domain.inbound.responses import AnswerKind, ResponseChanges
from app.domain.ledger import decisions, follow_ups, recovery
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import record_late
from app.domain.suppressions.stop import stop
from app.domain.suppressions.suppressions import Asked, add
from app.errors import Conflict
from tests.ledger.test_follow_ups import answered, days_pass, follow, scheduled, tell
from tests.ledger.test_holds import Lane
from tests.support.engine import Owner, check_conservation, execute, rows, value


@pytest.fixture
async def mine(pool: Pool, owner: Owner) -> Lane:
    token = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    return Lane(pool, Claimant(token, owner.workspace_id, owner.sender_id))


async def second_claimed(pool: Pool, owner: Owner, mine: Lane) -> tuple[int, Claim, Claim]:
    """A campaign of one recipient, whose first email was sent and whose second is at a server."""
    campaign = await scheduled(pool, owner, ["them@example.com"])
    (first,) = await mine.claim()
    await tell(mine, [first])
    (second,) = await follow(pool, mine, 3)
    return campaign, first, second


async def correct(pool: Pool, owner: Owner, kind: AnswerKind | None) -> None:
    """The latest that came back; None: it answers nothing."""
    latest = await value(pool, "SELECT max(id) FROM responses")
    await responses.change(pool, owner.workspace_id, latest, ResponseChanges(kind=kind, forgotten=kind is None), LOCAL)


@pytest.mark.parametrize("before", ["FAILED", "UNKNOWN"])
@pytest.mark.parametrize("why", ["REPLY", "stop"])
async def test_nobody_sends_again_to_who_has_answered(
    pool: Pool, owner: Owner, mine: Lane, why: str, before: str
) -> None:
    campaign, first, second = await second_claimed(pool, owner, mine)
    await tell(mine, [second], "REJECTED" if before == "FAILED" else "UNKNOWN")
    await (answered(pool, mine, first, "REPLY") if why == "REPLY" else stop(pool, owner.workspace_id, first.id, LOCAL))
    said = "they answered" if why == "REPLY" else "a person stopped them"
    chosen = decisions.Chosen(campaign_id=campaign)
    if before == "FAILED":
        with pytest.raises(Conflict, match=said):
            await decisions.retry(pool, owner.workspace_id, second.id)
        assert (await decisions.retry_many(pool, owner.workspace_id, chosen)).changed == 0
    else:
        with pytest.raises(Conflict, match=said):
            await decisions.resolve(pool, owner.workspace_id, second.id, "resend")
        assert (await decisions.resolve_many(pool, owner.workspace_id, chosen, "resend")).changed == 0
        assert (await decisions.resolve_many(pool, owner.workspace_id, chosen, "sent")).changed == 1
    assert await mine.claim() == []
    assert await value(pool, "SELECT sum(following) FROM streams") == 0
    await check_conservation(pool, campaign)


async def test_what_a_lost_worker_was_sending_is_not_sent_again_to_who_has_answered(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign, first, _ = await second_claimed(pool, owner, mine)
    await answered(pool, mine, first, "REPLY")
    await execute(pool, "UPDATE campaigns SET on_unknown = 'resend'")
    await execute(pool, "UPDATE workers SET lease_until = now() - interval '1 s'")
    async with transaction(pool) as conn:
        await recovery.recover(conn, None)
    assert await check_conservation(pool, campaign) == {"SENT": 1, "UNKNOWN": 1}


@pytest.mark.parametrize("given_back", ["RELEASED", "UNBEGUN", "DEFERRED", "UNKNOWN"])
async def test_what_was_at_a_server_is_not_claimed_again_for_who_has_answered(
    pool: Pool, owner: Owner, mine: Lane, given_back: str
) -> None:
    campaign, first, second = await second_claimed(pool, owner, mine)
    await execute(pool, "UPDATE campaigns SET on_unknown = 'resend'")
    await answered(pool, mine, first, "REPLY")
    await tell(mine, [second], given_back)
    became = "UNKNOWN" if given_back == "UNKNOWN" else "CANCELLED"
    assert await check_conservation(pool, campaign) == {"SENT": 1, became: 1}
    why = await value(pool, "SELECT cancel_reason::text FROM emails WHERE id = %s", second.id)
    assert why == ("REPLIED" if became == "CANCELLED" else None)


@pytest.mark.parametrize("kind", ["AUTO_REPLY", None])
@pytest.mark.parametrize("when", ["owed", "waits", "sent"])
async def test_what_was_taken_for_an_answer_is_taken_back_and_all_steps_go_on(
    pool: Pool, owner: Owner, mine: Lane, when: str, kind: AnswerKind | None
) -> None:
    campaign = await scheduled(pool, owner, ["them@example.com"])
    (first,) = await mine.claim()
    await tell(mine, [first])
    if when == "waits":
        await days_pass(pool, 3)
        await follow_ups.follow_up(pool)
    elif when == "sent":
        await tell(mine, await follow(pool, mine, 3))
    await answered(pool, mine, first, "REPLY")
    assert await value(pool, "SELECT sum(following + scheduled) FROM streams") == 0
    await correct(pool, owner, kind)
    assert await value(pool, "SELECT sum(following + scheduled) FROM streams") == 1
    assert await value(pool, "SELECT status::text FROM campaigns WHERE id = %s", campaign) == "ACTIVE"
    for _ in range(1 if when == "sent" else 2):
        claims = await follow(pool, mine, 4)
        assert len(claims) == 1
        await tell(mine, claims)
    assert await check_conservation(pool, campaign) == {"SENT": 3}


async def test_a_person_s_word_and_a_second_answer_stand_when_the_first_turns_out_to_be_none(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign, first, second = await second_claimed(pool, owner, mine)
    await tell(mine, [second])
    await answered(pool, mine, first, "REPLY")
    await answered(pool, mine, second, "REPLY")
    await correct(pool, owner, "AUTO_REPLY")
    assert await value(pool, "SELECT sum(following) FROM streams") == 0
    await correct(pool, owner, "REPLY")
    await execute(pool, "UPDATE responses SET corrected_kind = 'AUTO_REPLY' WHERE email_id = %s", first.id)
    await execute(pool, "UPDATE emails SET stopped = 'STOPPED'")
    await correct(pool, owner, None)
    assert await value(pool, "SELECT sum(following) FROM streams") == 0
    await check_conservation(pool, campaign)


async def test_with_a_stop_on_absence_notes_a_corrected_one_stops_too(pool: Pool, owner: Owner, mine: Lane) -> None:
    await scheduled(pool, owner, ["them@example.com"])
    await execute(pool, "UPDATE campaigns SET stop_on_auto_reply = true")
    (first,) = await mine.claim()
    await tell(mine, [first])
    await answered(pool, mine, first, "REPLY")
    await correct(pool, owner, "AUTO_REPLY")
    assert await value(pool, "SELECT sum(following) FROM streams") == 0
    await correct(pool, owner, None)
    assert await value(pool, "SELECT sum(following) FROM streams") == 1


@pytest.mark.parametrize("how", ["being sent", "corrected"])
async def test_an_absence_is_waited_for_however_it_becomes_known(
    pool: Pool, owner: Owner, mine: Lane, how: str
) -> None:
    """While the next step is at a server, or after it was taken for an answer."""
    campaign, first, second = await second_claimed(pool, owner, mine)
    back_on: date = (await value(pool, "SELECT now()")).date() + timedelta(days=40)
    if how == "corrected":
        await tell(mine, [second])
    await answered(pool, mine, first, "AUTO_REPLY" if how == "being sent" else "REPLY", back_on)
    if how == "corrected":
        await correct(pool, owner, "AUTO_REPLY")
    else:
        await tell(mine, [second])
    assert await follow(pool, mine, 5) == []
    if how == "being sent":
        at = await value(pool, "SELECT scheduled_at FROM emails WHERE status = 'SCHEDULED'")
    else:
        at = await value(pool, "SELECT follow_at + interval '5 d' FROM emails WHERE follow_at IS NOT NULL")
    assert at.date() == back_on + timedelta(days=2)
    await check_conservation(pool, campaign)


async def test_who_answers_a_person_s_answer_has_answered_the_campaign(pool: Pool, owner: Owner, mine: Lane) -> None:
    """Also where it turns out later that they have, or have not."""
    campaign = await scheduled(pool, owner, ["them@example.com"])
    (first,) = await mine.claim()
    await tell(mine, [first])
    await answered(pool, mine, first, "AUTO_REPLY")
    note = await value(pool, "SELECT max(id) FROM responses")
    content = Content(subject="Re: Hello", body="When are you back?")
    mail = Direct("Answer", content, "them@example.com", {}, owner.sender_id, thread=Thread(note, first.id, []))
    await direct.post(pool, owner.workspace_id, mail)
    (by_hand,) = await mine.claim()
    await tell(mine, [by_hand])
    await answered(pool, mine, by_hand, "REPLY")
    assert await value(pool, "SELECT sum(following) FROM streams") == 0
    corrections: list[tuple[AnswerKind | None, int]] = [("AUTO_REPLY", 1), ("REPLY", 0), (None, 1)]
    for kind, following in corrections:
        await correct(pool, owner, kind)
        assert await value(pool, "SELECT sum(following) FROM streams") == following, kind
    assert [one.recipient for one in await follow(pool, mine, 3)] == ["them@example.com"]
    assert await rows(pool, "SELECT FROM emails WHERE campaign_id = %s AND follows_id IS NOT NULL", campaign) != []
    await check_conservation(pool, campaign)


@pytest.mark.parametrize("other", [False, True])
@pytest.mark.parametrize("waits", [False, True])
async def test_nobody_waits_for_a_return_that_nobody_spoke_of(
    pool: Pool, owner: Owner, mine: Lane, waits: bool, other: bool
) -> None:
    """Unless another absence note names another day."""
    campaign = await scheduled(pool, owner, ["them@example.com"])
    (first,) = await mine.claim()
    await tell(mine, [first])
    if waits:
        await days_pass(pool, 3)
        await follow_ups.follow_up(pool)
    today: date = (await value(pool, "SELECT now()")).date()
    await answered(pool, mine, first, "AUTO_REPLY", today + timedelta(days=400))
    if other:
        columns = (
            "workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, weak, folder, uid_validity,"
            " uid, received_at, subject, text, attachments, "
        )
        await execute(
            pool,
            f"INSERT INTO responses ({columns} message_id, back_on)"  # noqa: S608
            f" SELECT {columns} 'other', back_on - 360 FROM responses",
        )
    note = await value(pool, "SELECT min(id) FROM responses")
    await responses.change(pool, owner.workspace_id, note, ResponseChanges(forgotten=True), LOCAL)
    if other:
        at = await value(pool, "SELECT coalesce(max(follow_at), max(scheduled_at)) FROM emails")
        assert at.date() == today + timedelta(days=42)
    elif waits:
        assert [one.recipient for one in await mine.claim()] == ["them@example.com"]
    else:
        assert await value(pool, "SELECT follow_at - sent_at FROM emails") == timedelta(days=3)
    await check_conservation(pool, campaign)


@pytest.mark.parametrize("why", ["REPLY", "stop", "suppressed", "cancelled"])
async def test_what_a_server_took_is_sent_though_its_second_sending_was_cancelled_and_nothing_follows(
    pool: Pool, owner: Owner, mine: Lane, why: str
) -> None:
    campaign = await scheduled(pool, owner, ["them@example.com"])
    await execute(pool, "UPDATE campaigns SET on_unknown = 'resend'")
    (lost,) = await mine.claim()
    await execute(pool, "UPDATE workers SET lease_until = now() - interval '1 s'")
    async with transaction(pool) as conn:
        await recovery.recover(conn, None)
    if why == "REPLY":
        await answered(pool, mine, lost, "REPLY")
    elif why == "stop":
        await stop(pool, owner.workspace_id, lost.id, LOCAL)
    elif why == "suppressed":
        await add(pool, owner.workspace_id, ["them@example.com"], [], Asked(), LOCAL)
    else:
        await campaigns.cancel(pool, owner.workspace_id, campaign)
    assert await check_conservation(pool, campaign) == {"CANCELLED": 1}
    for kind in ("REJECTED", "ACCEPTED", "ACCEPTED"):  # the first of a claim of before
        at = lost.claimed_at - timedelta(seconds=kind == "REJECTED")
        await execute(pool, "UPDATE emails SET claimed_at = %s", at)
        async with pool.connection() as conn:
            await record_late(conn, mine.claimant, [Report(lost.id, kind, command=".", code=250, claimed_at=at)])
        became = await check_conservation(pool, campaign)
        assert became == ({"CANCELLED": 1} if kind == "REJECTED" else {"SENT": 1})
    assert await value(pool, "SELECT array_agg(outcome::text ORDER BY number) FROM attempts") == [
        "UNKNOWN",
        "REJECTED",
        "ACCEPTED",
    ]
    stopped = {"REPLY": "REPLIED", "stop": "STOPPED", "suppressed": "SUPPRESSED", "cancelled": None}[why]
    assert await rows(pool, "SELECT stopped::text, cancel_reason::text, follow_at FROM emails") == [
        {"stopped": stopped, "cancel_reason": None, "follow_at": None}
    ]
    assert await follow(pool, mine, 10) == []
    status = "CANCELLED" if why == "cancelled" else "FINISHED"
    assert await value(pool, "SELECT status::text FROM campaigns") == status
    if why == "REPLY":
        await correct(pool, owner, None)
        assert await value(pool, "SELECT sum(following) FROM streams") == 1
