"""An answer stops a whole domain, and what stands of that once answers are corrected, removed or erased."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import InterfaceError, OperationalError, errors
from psycopg_pool import PoolTimeout

from app.db import Conn, Pool, fetch_exactly_one, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.inbound import responses, stops
from app.domain.inbound.responses import AnswerKind, ResponseChanges
from app.domain.ledger import decisions, follow_ups, retention, streams
from app.domain.recipients import erasure
from app.settings import Settings
from tests.ledger.test_follow_ups import answered, days_pass, follow, scheduled, tell
from tests.ledger.test_holds import Lane
from tests.ledger.test_stops import correct, mine
from tests.support.engine import Owner, add_sender, check_conservation, execute, row, rows, schedule_campaign, value

__all__ = ["mine"]


async def _stopped(pool: Pool) -> list[str]:
    found = await rows(pool, "SELECT recipient FROM emails WHERE stopped = 'REPLIED' ORDER BY lower(recipient)")
    return [one["recipient"][0] for one in found]


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


async def test_those_of_a_domain_that_go_on_wake_their_senders_in_the_order_that_all_take(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    """Or two that wake the same senders at once would wait for each other."""
    other = await add_sender(pool, owner, "b@example.com")
    people = [f"{who}@firm.example" for who in "abcd"]
    senders = [other.sender_id, owner.sender_id]
    await scheduled(pool, owner, people, sender_id=None, sender_ids=senders, stop_on_domain=True)
    (first,) = await mine.claim(1)
    await tell(mine, [first])
    await execute(pool, "UPDATE senders SET imap_host = 'i.example.com', imap_port = 993, imap_security = 'tls'")
    await execute(pool, "INSERT INTO inboxes (workspace_id, sender_id) VALUES (%s, %s)", *owner)
    await answered(pool, mine, first, "REPLY")
    assert await stops.walk_domains(pool) == 3
    await correct(pool, owner, None)
    await execute(pool, "DELETE FROM procrastinate_jobs")
    await stops.walk_domains(pool)
    woken = "SELECT args -> 'sender_id' AS sender FROM procrastinate_jobs WHERE task_name = 'send_due' ORDER BY id"
    assert [job["sender"] for job in await rows(pool, woken)] == sorted(senders)


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
