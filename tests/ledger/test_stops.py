"""Recipients who answered or were stopped get nothing more, whatever was on its way; the others' steps go on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import InterfaceError, OperationalError, errors
from psycopg_pool import PoolTimeout

from app.db import Conn, Pool, fetch_exactly_one, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import campaigns, direct
from app.domain.campaigns.content import Content
from app.domain.campaigns.direct import Direct, Thread
from app.domain.inbound import responses, stops
from app.domain.inbound.responses import AnswerKind, ResponseChanges
from app.domain.ledger import decisions, follow_ups, recovery, retention, streams
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import record_late
from app.domain.recipients import erasure
from app.domain.suppressions.stop import stop
from app.domain.suppressions.suppressions import Asked, add
from app.errors import Conflict
from app.settings import Settings
from tests.ledger.test_follow_ups import answered, days_pass, follow, scheduled, tell
from tests.ledger.test_holds import Lane
from tests.support.engine import Owner, check_conservation, execute, row, rows, schedule_campaign, value


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


async def test_an_answer_stops_a_whole_domain_and_nobody_of_a_provider_and_is_taken_back(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    people = [
        "a@firm.example",
        "b@Firm.example",
        "c@other.firm.example",
        "d@gmail.com",
        "e@gmail.com",
        "f@firm.example",
    ]
    campaign = await scheduled(pool, owner, people, stop_on_domain=True)
    claims = {one.recipient.partition("@")[0]: one for one in await mine.claim()}
    later = claims.pop("f")
    await tell(mine, [*claims.values()])
    for who in "ad":
        await answered(pool, mine, claims[who], "REPLY")
    assert await rows(pool, "SELECT domain FROM domain_stops") == [{"domain": "firm.example"}]
    assert await stops.walk_domains(pool) == 2
    assert await stops.walk_domains(pool) == 0
    await tell(mine, [later])  # it was at a server: nothing follows
    assert await _stopped(pool) == ["a", "b", "d", "f"]
    assert await check_conservation(pool, campaign) == {"SENT": 6}

    first = await value(pool, "SELECT id FROM responses WHERE left(recipient, 1) = 'a'")
    await responses.change(pool, owner.workspace_id, first, ResponseChanges(forgotten=True), LOCAL)
    await stops.walk_domains(pool)
    assert await _stopped(pool) == ["d"]
    assert await value(pool, "SELECT count(*) FROM emails WHERE follow_at IS NOT NULL") == 5
    second = await follow(pool, mine, 3)
    assert sorted(one.recipient[0] for one in second) == ["a", "b", "c", "e", "f"]
    await answered(pool, mine, claims["b"], "REPLY")
    await tell(mine, second)
    await days_pass(pool, 4)
    assert await stops.walk_domains(pool) == 4, "both emails of two more"
    await follow_ups.follow_up(pool)
    assert sorted(one.recipient[0] for one in await mine.claim()) == ["c", "e"]
    await check_conservation(pool, campaign)


async def _two_domains_to_walk(
    pool: Pool, owner: Owner, mine: Lane, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> list[int]:
    """Of which the first fails so; how many calls there were is how long the list gets."""
    people = [f"{who}@{domain}.example" for domain in ("one", "two") for who in "ab"]
    await scheduled(pool, owner, people, stop_on_domain=True)
    claims = await mine.claim()
    await tell(mine, claims)
    for one in claims:
        if one.recipient.startswith("a@"):
            await answered(pool, mine, one, "REPLY")
    cancel, calls = stops.cancel_emails, list[int]()

    async def fails_first(*args: Any) -> int:
        calls.append(len(calls))
        if len(calls) == 1:
            raise error
        return await cancel(*args)

    monkeypatch.setattr(stops, "cancel_emails", fails_first)
    return calls


@pytest.mark.parametrize(
    "error",
    [
        ValueError("the first"),
        errors.DeadlockDetected(),
        errors.LockNotAvailable(),
        errors.QueryCanceled(),
        errors.ProgramLimitExceeded(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_domain_that_cannot_be_walked_through_keeps_no_other_from_it(
    pool: Pool, owner: Owner, mine: Lane, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    calls = await _two_domains_to_walk(pool, owner, mine, monkeypatch, error)
    with pytest.raises(ExceptionGroup, match="the others are done"):
        await stops.walk_domains(pool)
    assert len(calls) == 2
    assert await value(pool, "SELECT count(*) FROM domain_stops WHERE walked_to IS NOT NULL") == 1


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("server closed the connection unexpectedly"),
        InterfaceError("the connection is closed"),
        PoolTimeout("couldn't get a connection"),
        errors.AdminShutdown(),
        errors.ConnectionFailure(),
        errors.TooManyConnections(),
        errors.ReadOnlySqlTransaction(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_while_the_database_is_away_no_other_domain_is_tried(
    pool: Pool, owner: Owner, mine: Lane, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    calls = await _two_domains_to_walk(pool, owner, mine, monkeypatch, error)
    with pytest.raises(type(error)):
        await stops.walk_domains(pool)
    assert len(calls) == 1


async def test_who_does_not_exist_is_uncounted_once_however_often_their_email_goes_again(
    pool: Pool, owner: Owner
) -> None:
    campaign = (await schedule_campaign(pool, owner, 1)).campaign.id
    await execute(pool, "UPDATE emails SET status = 'FAILED', attempts = 1")
    await execute(
        pool,
        "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, dead)"
        " SELECT workspace_id, id, 1, 'REJECTED', now(), true FROM emails",
    )
    await execute(pool, "UPDATE streams SET scheduled = 0, failed = 1, bounced = 1")
    assert (await decisions.retry_many(pool, owner.workspace_id, decisions.Chosen(campaign_id=campaign))).changed == 1
    assert await value(pool, "SELECT bounced FROM streams") == 0
    await execute(pool, "UPDATE emails SET status = 'CANCELLED', cancel_reason = 'REPLIED'")
    await execute(pool, "UPDATE streams SET scheduled = 0, cancelled = 1")
    found = await row(pool, "SELECT id, stream_id FROM emails")
    async with transaction(pool) as conn:
        await streams.lock(conn, owner.workspace_id, [found["stream_id"]])
        await decisions.go_on(conn, owner.workspace_id, [found["id"]], [found["stream_id"]])
    assert await row(pool, "SELECT bounced, scheduled FROM streams") == {"bounced": 0, "scheduled": 1}
    await check_conservation(pool, campaign)


async def test_a_stop_of_a_domain_stands_whatever_is_said_of_what_was_no_answer(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    """Also once the answer that it came from is gone for its age."""
    await scheduled(pool, owner, ["a@firm.example", "b@firm.example"], stop_on_domain=True)
    claims = await mine.claim()
    await tell(mine, claims)
    await answered(pool, mine, claims[0], "REPLY")
    await answered(pool, mine, claims[1], "AUTO_REPLY")
    await stops.walk_domains(pool)
    await execute(pool, "DELETE FROM responses WHERE recipient = 'a@firm.example'")
    await correct(pool, owner, None)
    await stops.walk_domains(pool)
    assert await _stopped(pool) == ["a", "b"]


async def go(pool: Pool, owner: Owner, recipient: str, how: str) -> None:
    """What came back from them goes, for its age or since they are erased."""
    if how == "erased":
        await erasure.erase(pool, owner.workspace_id, recipient, LOCAL)
        return
    await execute(pool, "UPDATE responses SET recorded_at = now() - interval '9 d' WHERE recipient = %s", recipient)
    (chore,) = [one for one in retention.chores(Settings(retention_responses_days=8)) if one.what == "responses"]
    async with transaction(pool) as conn:
        assert (await fetch_exactly_one(conn, chore.text, chore.parameters))["removed"] == 1


@pytest.mark.parametrize("how", ["aged", "erased"])
async def test_who_answered_and_their_domain_stay_stopped_once_the_answer_is_gone(
    pool: Pool, owner: Owner, mine: Lane, how: str
) -> None:
    campaign = await scheduled(pool, owner, [f"{who}@firm.example" for who in "abc"], stop_on_domain=True)
    claims = {one.recipient[0]: one for one in await mine.claim()}
    await tell(mine, [*claims.values()])
    await answered(pool, mine, claims["b"], "REPLY")
    await answered(pool, mine, claims["a"], "REPLY")
    await stops.walk_domains(pool)
    await go(pool, owner, "b@firm.example", how)
    await correct(pool, owner, "AUTO_REPLY")
    await stops.walk_domains(pool)
    assert await follow(pool, mine, 3) == []
    assert await value(pool, "SELECT sum(following) FROM streams") == 0
    await check_conservation(pool, campaign)


@pytest.mark.parametrize(
    ("first", "more"), [("REPLY", {}), ("BOUNCE", {}), ("AUTO_REPLY", {"stop_on_auto_reply": True})]
)
async def test_who_was_stopped_by_what_is_gone_for_its_age_stays_so_and_is_counted_once(
    pool: Pool, owner: Owner, mine: Lane, first: Any, more: dict[str, Any]
) -> None:
    campaign = await scheduled(pool, owner, ["a@firm.example"], **more)
    claims = await mine.claim()
    await tell(mine, claims)
    await answered(pool, mine, claims[0], first)
    await go(pool, owner, "a@firm.example", "aged")
    await execute(pool, "DELETE FROM suppressions")
    await answered(pool, mine, claims[0], "REPLY" if first != "REPLY" else "AUTO_REPLY")
    await correct(pool, owner, "REPLY")
    await correct(pool, owner, None)
    assert await follow(pool, mine, 3) == []
    assert await row(pool, "SELECT replied, auto_replied, bounced FROM streams") == {
        "replied": int(first == "REPLY"),
        "auto_replied": int(first == "AUTO_REPLY"),
        "bounced": int(first == "BOUNCE"),
    }
    await check_conservation(pool, campaign)


async def test_an_address_stays_suppressed_for_what_is_gone_for_its_age(pool: Pool, owner: Owner, mine: Lane) -> None:
    await scheduled(pool, owner, ["a@firm.example"], steps=())
    await scheduled(pool, owner, ["a@firm.example"], steps=())
    first, second = await mine.claim()
    await tell(mine, [first, second])
    await answered(pool, mine, first, "BOUNCE")
    await answered(pool, mine, second, "UNSUBSCRIBE")
    await execute(pool, "UPDATE responses SET recipient = 'b@firm.example' WHERE kind = 'UNSUBSCRIBE'")
    await go(pool, owner, "a@firm.example", "aged")
    await execute(pool, "UPDATE responses SET recipient = 'a@firm.example'")
    await correct(pool, owner, "REPLY")
    assert await rows(pool, "SELECT reason::text FROM suppressions") == [{"reason": "BOUNCED"}]


@pytest.mark.parametrize("kind", ["BOUNCE", "UNSUBSCRIBE", "COMPLAINT"])
async def test_a_domain_goes_on_once_the_answer_of_one_turns_out_to_stop_them_alone(
    pool: Pool, owner: Owner, mine: Lane, kind: AnswerKind
) -> None:
    campaign = await scheduled(pool, owner, ["a@firm.example", "b@firm.example"], stop_on_domain=True)
    claims = {one.recipient[0]: one for one in await mine.claim()}
    await tell(mine, [*claims.values()])
    await answered(pool, mine, claims["a"], "REPLY")
    await stops.walk_domains(pool)
    await correct(pool, owner, kind)
    await stops.walk_domains(pool)
    assert [one.recipient[0] for one in await follow(pool, mine, 3)] == ["b"]
    await check_conservation(pool, campaign)


async def test_a_domain_goes_on_a_few_in_a_transaction(
    pool: Pool, owner: Owner, mine: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scheduled(pool, owner, [f"{who}@firm.example" for who in "abcde"], stop_on_domain=True)
    claims = await mine.claim()
    await tell(mine, claims)
    await answered(pool, mine, claims[0], "REPLY")
    await stops.walk_domains(pool)
    held: list[int] = []
    lock = streams.lock_of_emails

    async def counted(conn: Conn, workspace_id: int, ids: list[int]) -> list[int]:
        held.append(len(ids))
        return await lock(conn, workspace_id, ids)

    monkeypatch.setattr(stops.streams, "lock_of_emails", counted)
    monkeypatch.setattr(stops, "GO_ON", 2)
    await correct(pool, owner, None)
    await stops.walk_domains(pool)
    assert held == [2, 2]
    assert await value(pool, "SELECT sum(following) FROM streams") == 5
    assert await value(pool, "SELECT walked_to FROM domain_stops") is None


async def _stopped(pool: Pool) -> list[str]:
    found = await rows(pool, "SELECT recipient FROM emails WHERE stopped = 'REPLIED' ORDER BY lower(recipient)")
    return [one["recipient"][0] for one in found]


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
