"""The meaning of each reply or failure of a server for the email, the sender and the allowance (DESIGN, section 5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from app.db import Pool
from app.domain.ledger import decisions
from app.domain.senders import for_workers
from tests.support.engine import (
    Owner,
    attempts,
    check_conservation,
    execute,
    row,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    the_clock_moves_on,
    value,
    wait_for,
    wait_until_sent,
    wait_until_settled,
    wake_all,
)
from tests.support.sinkproc import Sink
from worker.smtp import TIMEOUTS_S

ANN = "ann@example.com"


class Said(NamedTuple):
    """A server's reply, and what an attempt should keep of it."""

    at: str
    reply: str
    code: int
    enhanced_code: str | None
    text: str

    @property
    def command(self) -> str:
        return {"dot": "."}.get(self.at, self.at.upper())


def said(at: str, reply: str) -> Said:
    code, _, rest = reply.partition(" ")
    enhanced, _, text = rest.partition(" ")
    return Said(at, reply, int(code), *((enhanced, text) if enhanced[0].isdigit() else (None, rest)))


def named(case: Said) -> str:
    return f"{case.reply} at {case.at}"


async def _email(pool: Pool, campaign: int) -> dict[str, Any]:
    """The campaign's only email, with what its sender and the window have to say."""
    await check_conservation(pool, campaign)
    return await row(
        pool,
        """
        SELECT e.*, s.block_reason, extract(epoch FROM s.blocked_until - s.blocked_since)::float8 AS blocked_s,
               extract(epoch FROM e.scheduled_at - (SELECT max(recorded_at) FROM attempts a
                                                    WHERE a.email_id = e.id))::float8 AS due_s,
               coalesce((SELECT sum(used) FROM login_windows w WHERE w.login_id = s.login_id), 0)::integer AS used,
               (SELECT window_used FROM streams WHERE id = e.stream_id) AS campaign_used
        FROM emails e JOIN campaigns c ON c.id = e.campaign_id JOIN senders s ON s.id = c.sender_id
        WHERE e.campaign_id = %s
        """,
        campaign,
    )


async def _send_one(
    pool: Pool,
    database_url: str,
    sink: Sink,
    owner: Owner,
    until: str = "attempts = 1 AND status <> 'SENDING'",
    **draft: Any,
) -> int:
    """Have a worker try one email until SQL on emails or senders holds; the worker is gone afterwards."""
    campaign = (await schedule_campaign(pool, owner, [ANN], **draft)).campaign.id

    async def reached() -> Any:
        return await rows(
            pool,
            f"SELECT FROM emails e, senders s WHERE e.campaign_id = %s AND s.id = %s AND {until}",
            campaign,
            owner.sender_id,
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(for_workers, "FIRST_BACK_OFF_S", 60.0)  # more than it takes to stop: none tries once more
        async with running_workers(database_url, settings_for(sink, lanes=1)):
            await wait_for(reached, until)
    return campaign


async def _only_attempt(pool: Pool, campaign: int) -> dict[str, Any]:
    (attempt,) = await attempts(pool, campaign, ANN)
    return attempt


async def _check_attempt(pool: Pool, campaign: int, sink: Sink, outcome: str, case: Said) -> None:
    attempt = await _only_attempt(pool, campaign)
    assert attempt["number"] == 1
    assert attempt["outcome"] == outcome
    assert (attempt["command"], attempt["code"]) == (case.command, case.code)
    assert (attempt["enhanced_code"], attempt["reply"]) == (case.enhanced_code, case.text)
    assert attempt["server"] == f"127.0.0.1:{sink.port}"
    assert attempt["duration_ms"] >= 0
    assert attempt["claimed_at"] <= attempt["recorded_at"]


async def test_an_accepted_email_is_sent_with_its_message_id_and_the_servers_words(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    campaign = await _send_one(pool, database_url, sink, owner)

    email = await _email(pool, campaign)
    (accepted,) = sink.accepted()
    assert (email["status"], email["retry_count"], email["used"], email["campaign_used"]) == ("SENT", 0, 1, 1)
    assert email["message_id"] == accepted.message_id
    assert (accepted.envelope_from, accepted.envelope_to) == ("owner@example.com", ANN)
    await _check_attempt(pool, campaign, sink, "ACCEPTED", said("dot", "250 2.0.0 accepted"))


@pytest.mark.parametrize(
    "case",
    [
        said("mail", "552 5.3.4 message too big"),
        said("rcpt", "550 5.1.1 no such user"),
        said("rcpt", "550 User unknown"),
        said("dot", "552 5.2.2 mailbox full"),
    ],
    ids=named,
)
async def test_a_5xx_about_the_message_fails_the_email_for_good(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, case: Said
) -> None:
    sink.script({case.at: case.reply})
    campaign = await _send_one(pool, database_url, sink, owner)

    email = await _email(pool, campaign)
    assert (email["status"], email["retry_count"], email["sent_at"]) == ("FAILED", 0, None)
    assert (email["used"], email["block_reason"]) == (1, None)
    await _check_attempt(pool, campaign, sink, "REJECTED", case)
    assert sink.accepted() == []


@pytest.mark.parametrize(
    "case",
    [
        said("rcpt", "450 4.2.0 mailbox busy"),
        said("rcpt", "450 4.7.1 Greylisted, come back in a minute"),
        said("dot", "452 4.2.2 over quota"),
        said("rcpt", "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded"),
    ],
    ids=named,
)
async def test_a_4xx_of_a_mailbox_defers_the_email_by_about_five_minutes(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, case: Said
) -> None:
    sink.script({case.at: case.reply})
    campaign = await _send_one(pool, database_url, sink, owner)

    email = await _email(pool, campaign)
    assert (email["status"], email["retry_count"]) == ("SCHEDULED", 1)
    assert 260 < email["due_s"] <= 330
    assert (email["used"], email["block_reason"]) == (1, None)
    await _check_attempt(pool, campaign, sink, "DEFERRED", case)


@pytest.mark.parametrize(
    "case",
    [
        said("mail", "550 5.7.1 you may not send from here"),
        said("mail", "421 4.3.2 shutting down"),
        said("mail", "451 4.3.0 try again later"),
        said("mail", "454 4.7.0 throttled"),
        said("rcpt", "553 5.7.1 Sender address rejected"),
        said("data", "530 5.7.0 authentication required"),
        said("dot", "550 5.7.60 client has no permissions to send as this sender"),
        said("mail", "421 4.7.0 too many messages from your address, wait an hour"),
    ],
    ids=named,
)
async def test_a_refusal_of_the_sender_costs_the_email_nothing_and_backs_the_sender_off(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, case: Said
) -> None:
    sink.script({case.at: case.reply})
    campaign = await _send_one(pool, database_url, sink, owner, until="s.blocked_until IS NOT NULL")

    email = await _email(pool, campaign)
    assert (email["status"], email["retry_count"]) == ("SCHEDULED", 0)
    assert (email["used"], email["campaign_used"]) == (0, 0)
    assert case.text in email["block_reason"]
    assert email["blocked_s"] == 60
    await _check_attempt(pool, campaign, sink, "RELEASED", case)
    assert sink.accepted() == []


@pytest.mark.parametrize(
    ("case", "aside_s"),
    [
        (said("rcpt", "550 nobody of that name"), 900),
        (said("data", "554 5.6.0 no"), 900),
        (said("dot", "554 5.7.1 looks like spam"), 900),
        (said("rcpt", "421 4.3.2 shutting down"), 60),
        (said("data", "451 4.3.0 error in processing"), 60),
        (said("dot", "452 4.3.1 out of space"), 60),
    ],
    ids=str,
)
async def test_a_refusal_that_may_be_anybodys_costs_nobody_anything_until_there_is_evidence(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, case: Said, aside_s: int
) -> None:
    sink.script({case.at: case.reply})
    campaign = await _send_one(pool, database_url, sink, owner)

    email = await _email(pool, campaign)
    assert (email["status"], email["retry_count"], email["used"], email["block_reason"]) == ("SCHEDULED", 0, 0, None)
    assert email["due_s"] == aside_s
    await _check_attempt(pool, campaign, sink, "RELEASED", case)


@pytest.mark.parametrize(
    "case", [said("rcpt", "451 4.7.1 too fast, slow down"), said("dot", "450 4.7.28 rate limited")]
)
async def test_a_server_that_wants_less_gets_one_email_after_a_minute(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, case: Said
) -> None:
    sink.script({case.at: case.reply})
    campaign = await _send_one(pool, database_url, sink, owner)

    email = await _email(pool, campaign)
    assert (email["status"], email["retry_count"], email["used"], email["block_reason"]) == ("SCHEDULED", 0, 0, None)
    hold = await row(pool, "SELECT *, extract(epoch FROM probe_at - since)::float8 AS probe_s FROM holds")
    assert (hold["stream_id"], hold["reason"]) == (None, "SERVER_SLOW")
    assert case.text in hold["words"]
    assert 60 <= hold["probe_s"] < 70


@pytest.mark.parametrize("at", ["mail", "rcpt", "data"])
async def test_a_connection_lost_before_the_dot_costs_the_email_nothing(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, at: str
) -> None:
    sink.script({at: "drop"})
    campaign = await _send_one(pool, database_url, sink, owner, until="s.blocked_until IS NOT NULL")

    email = await _email(pool, campaign)
    assert (email["status"], email["retry_count"], email["used"]) == ("SCHEDULED", 0, 0)
    attempt = await _only_attempt(pool, campaign)
    assert (attempt["outcome"], attempt["command"], attempt["code"]) == ("RELEASED", at.upper(), None)
    assert email["block_reason"] == attempt["reply"]
    assert attempt["reply"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ({"connect": "421 4.3.2 too busy"}, "421 4.3.2 too busy"),
        ({"connect": "554 5.7.1 go away"}, "554 5.7.1 go away"),
        ({"connect": "drop"}, "cannot connect to 127.0.0.1"),
        ({"ehlo": "550 5.7.1 who are you"}, "550 5.7.1 who are you"),
        ({"ehlo": "421 4.3.2 not now"}, "421 4.3.2 not now"),
        ({"ehlo": "drop"}, "127.0.0.1"),
    ],
    ids=str,
)
async def test_a_server_that_does_not_let_us_in_is_given_no_email_at_all(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, script: dict[str, str], reason: str
) -> None:
    sink.script(script)
    campaign = await _send_one(pool, database_url, sink, owner, until="s.blocked_until IS NOT NULL")

    email = await _email(pool, campaign)
    assert (email["status"], email["attempts"], email["used"], email["claimed_at"]) == ("SCHEDULED", 0, 0, None)
    assert reason in email["block_reason"]


@pytest.mark.parametrize(("action", "accepted"), [("drop", 0), ("drop_after_dot_accepted", 1)])
async def test_a_connection_lost_after_the_dot_leaves_the_email_in_doubt(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, action: str, accepted: int
) -> None:
    sink.script({"dot": action})
    campaign = await _send_one(pool, database_url, sink, owner, until="s.block_reason IS NOT NULL")

    email = await _email(pool, campaign)
    assert (email["status"], email["retry_count"], email["sent_at"]) == ("UNKNOWN", 0, None)
    # Nothing shows that the server takes any message: before the next one there is a pause.
    assert email["used"] == 1
    assert email["block_reason"].startswith("the message went out and no answer came")
    assert email["message_id"]  # to find it by in the server's log
    attempt = await _only_attempt(pool, campaign)
    assert (attempt["outcome"], attempt["command"], attempt["code"]) == ("UNKNOWN", ".", None)
    assert attempt["reply"]
    assert len(sink.accepted()) == accepted
    assert await value(pool, "SELECT sum(unknown) FROM login_windows") == 1


async def test_in_doubt_and_assumed_sent_counts_as_sent(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script({"dot": "drop_after_dot_accepted"})
    campaign = await _send_one(pool, database_url, sink, owner, on_unknown="assume_sent")

    email = await _email(pool, campaign)
    assert email["status"] == "SENT"
    assert (await _only_attempt(pool, campaign))["outcome"] == "UNKNOWN"
    assert len(sink.accepted()) == 1


async def test_in_doubt_and_to_be_resent_is_sent_again_under_the_same_message_id(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script([{"at": "dot", "do": "drop_after_dot_accepted", "when": {"times": 1}}])
    campaign = (await schedule_campaign(pool, owner, [ANN], on_unknown="resend")).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        await wait_for(lambda: rows(pool, "SELECT FROM emails WHERE attempts = 1"), "the first attempt")
        assert 260 < (await _email(pool, campaign))["due_s"] <= 330
        await the_clock_moves_on(pool, timedelta(minutes=6))
        await wait_until_sent(pool, campaign)

    assert [a["outcome"] for a in await attempts(pool, campaign, ANN)] == ["UNKNOWN", "ACCEPTED"]
    first, second = sink.accepted()
    assert first.message_id == second.message_id
    assert (await _email(pool, campaign))["used"] == 2


async def test_in_doubt_again_and_again_is_held_in_the_end_even_if_to_be_resent(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script({"dot": "drop_after_dot_accepted"})
    campaign = (await schedule_campaign(pool, owner, [ANN], on_unknown="resend")).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        for tries in range(1, 6):
            await wait_for(
                lambda tries=tries: rows(pool, "SELECT FROM emails WHERE attempts = %s AND status <> 'SENDING'", tries),
                f"attempt {tries}",
            )
            await the_clock_moves_on(pool, timedelta(hours=9))
        assert await wait_until_settled(pool, campaign) == {"UNKNOWN": 1}

    assert [a["outcome"] for a in await attempts(pool, campaign, ANN)] == ["UNKNOWN"] * 5
    assert len(sink.accepted()) == 5


async def test_a_person_resolves_what_is_in_doubt(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    sink.script([{"at": "dot", "do": "drop", "when": {"times": 2}}])
    campaign = (await schedule_campaign(pool, owner, [ANN, "bob@example.com"])).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        assert await wait_until_settled(pool, campaign) == {"UNKNOWN": 2}
        ann, bob = await rows(pool, "SELECT id FROM emails ORDER BY id")

        await decisions.resolve(pool, owner.workspace_id, ann["id"], "resend")
        await decisions.resolve(pool, owner.workspace_id, bob["id"], "sent")
        await wait_until_sent(pool, campaign)

    assert [entry.envelope_to for entry in sink.accepted()] == [ANN]


async def test_temporary_failures_fail_the_email_once_its_attempts_are_used_up_and_a_person_may_retry(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script({"rcpt": "450 4.2.0 mailbox busy"})
    campaign = (await schedule_campaign(pool, owner, [ANN])).campaign.id
    waits: list[float] = []
    async with running_workers(database_url, settings_for(sink, lanes=1, max_attempts=4)):
        for tries in range(1, 5):
            await wait_for(
                lambda tries=tries: rows(pool, "SELECT FROM emails WHERE attempts = %s AND status <> 'SENDING'", tries),
                f"attempt {tries}",
            )
            email = await _email(pool, campaign)
            waits.append(email["due_s"])
            await the_clock_moves_on(pool, timedelta(seconds=max(email["due_s"], 0)))
        assert (email["status"], email["retry_count"]) == ("FAILED", 4)
        assert await check_conservation(pool, campaign) == {"FAILED": 1}
        for wait, about in zip(waits[:3], (300, 1800, 7200), strict=True):
            assert about * 0.9 <= wait <= about * 1.1

        sink.script([])
        await decisions.retry(pool, owner.workspace_id, email["id"])
        await wait_until_sent(pool, campaign)
    assert [a["outcome"] for a in await attempts(pool, campaign, ANN)] == ["DEFERRED"] * 4 + ["ACCEPTED"]


async def test_a_sender_that_was_backed_off_goes_on_by_itself_and_forgets_its_trouble(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    sink.script([{"at": "mail", "do": "421 4.3.2 shutting down", "when": {"times": 2}}])
    campaign = (await schedule_campaign(pool, owner, 3)).campaign.id
    async with running_workers(database_url, settings_for(sink, lanes=1)):
        for failures, back_off_s in ((1, 5), (2, 10)):
            sender = await wait_for(
                lambda n=failures: rows(
                    pool,
                    "SELECT blocked_until - (SELECT max(recorded_at) FROM attempts) AS since_refused,"
                    " blocked_until - clock_timestamp() AS left FROM senders WHERE failures = %s",
                    n,
                ),
                f"failure {failures}",
            )
            assert sender[0]["left"] <= timedelta(seconds=back_off_s) <= sender[0]["since_refused"]
            await execute(pool, "UPDATE senders SET blocked_until = now()")
            await wake_all(pool)
        await wait_until_sent(pool, campaign)
    sender = await row(pool, "SELECT * FROM senders")
    assert (sender["failures"], sender["blocked_until"], sender["block_reason"]) == (0, None, None)


async def test_a_slow_server_is_waited_for(pool: Pool, database_url: str, sink: Sink, owner: Owner) -> None:
    sink.script({at: {"slow": 0.3} for at in ("connect", "ehlo", "mail", "rcpt", "data", "dot")})
    campaign = await _send_one(pool, database_url, sink, owner)

    assert (await _email(pool, campaign))["status"] == "SENT"
    assert (await _only_attempt(pool, campaign))["duration_ms"] >= 1200


@pytest.mark.parametrize("at", ["connect", "ehlo", "mail", "rcpt", "data", "dot"])
async def test_a_server_that_hangs_is_given_up_as_if_it_had_hung_up(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    commands = {"mail": "MAIL", "rcpt": "RCPT", "data": "DATA", "dot": "."}
    if at in commands:
        monkeypatch.setattr("worker.smtp.TIMEOUTS_S", TIMEOUTS_S | {commands[at]: 0.3})
    else:
        patience = "GREETING_TIMEOUT_S" if at == "connect" else "CONNECT_TIMEOUT_S"
        monkeypatch.setattr(f"worker.connect.{patience}", 0.3)
    sink.script({at: "hang"})
    settled = "status = 'UNKNOWN'" if at == "dot" else "s.blocked_until IS NOT NULL"
    campaign = await _send_one(pool, database_url, sink, owner, until=settled)

    email = await _email(pool, campaign)
    assert email["status"] == ("UNKNOWN" if at == "dot" else "SCHEDULED")
    assert (email["retry_count"], email["used"]) == (0, 1 if at == "dot" else 0)
    outcomes = [(a["outcome"], a["command"]) for a in await attempts(pool, campaign, ANN)]
    assert outcomes == ([("UNKNOWN" if at == "dot" else "RELEASED", commands[at])] if at in commands else [])
