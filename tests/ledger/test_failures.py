"""Failed emails, as work that ends: sorted by reason, decided on in any number, mended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import campaigns, direct, keeping
from app.domain.campaigns.direct import Direct
from app.domain.campaigns.steps import Step
from app.domain.ledger import decisions, emails, failure_decisions, mending, retention
from app.domain.ledger.decisions import Chosen
from app.domain.ledger.emails import Email, EmailFilter
from app.domain.ledger.failure_decisions import Failed, FailureDecision, FailureVerb
from app.domain.ledger.mending import Correction
from app.domain.operations import alerts
from app.domain.pages import PageRequest
from app.domain.suppressions.held import Suppressed
from app.domain.suppressions.stop import stop
from app.domain.suppressions.suppress import suppress
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import Conflict, InvalidInput, NotFound
from app.mail.failures import FailureReason, failed_for
from app.settings import Settings
from tests.support.api import problem, schedule, wrong_fields
from tests.support.engine import (
    CONTENT,
    Owner,
    add_sender,
    check_conservation,
    execute,
    ours_in,
    row,
    rows,
    schedule_campaign,
    value,
)

SAID: dict[str, tuple[int | None, str | None, str | None]] = {
    "unknown": (550, "5.1.1", "<r@example.com>: Recipient address rejected: User unknown in virtual mailbox table"),
    "full": (452, "4.2.2", "The email account that you tried to reach is over quota"),
    "spam": (
        550,
        "5.7.1",
        "This message is likely unsolicited mail: spam message rejected",
    ),
    "login": (550, "5.7.60", "SMTP; Client does not have permissions to send as this sender"),
    "quota": (550, "5.4.5", "Daily user sending quota exceeded"),
    "text": (None, None, "cannot be written: there is no value for 'name'"),
}
STEPS = [Step(wait=timedelta(days=3), body="Once more.")]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("unknown", "UNKNOWN_ADDRESS"),
        ("full", "MAILBOX_FULL"),
        ("spam", "SPAM"),
        ("login", "OUR_LOGIN"),
        ("quota", "TOO_FAST"),
        ("text", "NOT_WRITTEN"),
    ],
)
def test_the_words_of_a_server_are_a_reason_that_people_know(said: str, reason: FailureReason) -> None:
    code, enhanced, reply = SAID[said]
    assert failed_for(None if code is None else "RCPT", code, enhanced, reply, dead=False) == reason


def test_a_reason_is_always_found() -> None:
    assert failed_for("DATA", 554, None, "No.", dead=False) == "OTHER"
    assert failed_for("RCPT", 450, None, "Later.", dead=False) == "NOT_REACHED"
    assert failed_for("RCPT", 550, None, "No such person", dead=True) == "UNKNOWN_ADDRESS"
    assert failed_for(None, None, None, None, dead=False) == "OTHER"


async def fail(pool: Pool, campaign_id: int, said: str = "unknown", *, most: int | None = None) -> None:
    """Leave what workers would: so many of a campaign's waiting emails failed with these words."""
    code, enhanced, reply = SAID[said]
    await execute(
        pool,
        "WITH failed AS (UPDATE emails SET status = 'FAILED', attempts = attempts + 1 WHERE id IN ("
        "  SELECT id FROM emails WHERE campaign_id = %s AND status = 'SCHEDULED' ORDER BY id LIMIT %s)"
        " RETURNING workspace_id, id, stream_id, attempts),"
        " told AS (INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, command, code,"
        "  enhanced_code, reply) SELECT workspace_id, id, attempts, 'REJECTED', now(), %s, %s, %s, %s FROM failed)"
        " UPDATE streams s SET scheduled = scheduled - n.n, failed = failed + n.n"
        " FROM (SELECT stream_id, count(*) AS n FROM failed GROUP BY stream_id) n WHERE s.id = n.stream_id",
        campaign_id,
        most,
        None if code is None else "RCPT",
        code,
        enhanced,
        reply,
    )


async def failing(pool: Pool, owner: Owner, said: str = "unknown", count: Any = 3, **draft: Any) -> int:
    """A campaign of which all failed, sorted."""
    campaign = (await schedule_campaign(pool, owner, count, **draft)).campaign.id
    await fail(pool, campaign, said)
    await worker(pool)
    return campaign


async def worker(pool: Pool, most: Quotas = UNLIMITED) -> None:
    while await failure_decisions.carry_on_all(pool, most):
        pass


async def groups(pool: Pool, owner: Owner, campaign_id: int | None = None) -> dict[str, int]:
    read = await failure_decisions.read(pool, owner.workspace_id, campaign_id)
    assert not read.failed.unsorted
    return {group.reason: group.count for group in read.failed.groups}


async def decide(pool: Pool, owner: Owner, verb: FailureVerb, **failed: Any) -> FailureDecision:
    decided = await failure_decisions.decide(pool, owner.workspace_id, verb, Failed(**failed), LOCAL, UNLIMITED)
    await worker(pool)
    return await failure_decisions.get(pool, owner.workspace_id, decided.id)


async def check(pool: Pool, campaign_id: int) -> dict[str, int]:
    """The campaign's counts, which add up, and are those of its emails; so is what was decided."""
    counts = await check_conservation(pool, campaign_id)
    said = await row(
        pool,
        "SELECT (SELECT sum(settled) FROM streams WHERE campaign_id = %s) AS counted,"
        " (SELECT count(*) FROM emails WHERE campaign_id = %s AND settled IS NOT NULL) AS are",
        campaign_id,
        campaign_id,
    )
    assert said["counted"] == said["are"]
    return {status: n for status, n in counts.items() if n}


async def test_each_verb_decides_on_a_group_and_the_figure_goes_down(pool: Pool, owner: Owner, tmp_path: Path) -> None:
    campaign = (await schedule_campaign(pool, owner, 10)).campaign.id
    for said, n in (("unknown", 4), ("full", 3), ("spam", 2), ("text", 1)):
        await fail(pool, campaign, said, most=n)
    assert (await failure_decisions.read(pool, owner.workspace_id, None)).failed.unsorted == 10
    await worker(pool)
    found = (await failure_decisions.read(pool, owner.workspace_id, campaign)).failed.groups
    assert [(group.reason, group.count) for group in found] == [
        ("UNKNOWN_ADDRESS", 4),
        ("MAILBOX_FULL", 3),
        ("SPAM", 2),
        ("NOT_WRITTEN", 1),
    ]
    assert found[0].code == 550
    assert "User unknown" in str(found[0].reply)

    never = await decide(pool, owner, "SUPPRESS", reason="UNKNOWN_ADDRESS")
    assert (never.total, never.changed, never.left_out) == (4, 4, 0)
    assert await value(pool, "SELECT count(*) FROM suppressions") == 4
    aside = await decide(pool, owner, "PUT_ASIDE", reason="SPAM", campaign_id=campaign)
    assert (aside.total, aside.changed) == (2, 2)
    again = await decide(pool, owner, "RETRY", reason="MAILBOX_FULL")
    assert (again.total, again.changed, again.error) == (3, 3, None)
    assert await groups(pool, owner) == {"NOT_WRITTEN": 1}
    assert await check(pool, campaign) == {"FAILED": 7, "SCHEDULED": 3}
    told = await alerts.list_alerts(pool, owner.workspace_id, "owner", ours_in(tmp_path))
    assert [alert.count for alert in told if alert.kind == "email.failed"] == [1]
    listed = EmailFilter(status="FAILED", undecided=True)
    page = await emails.list_emails(pool, owner.workspace_id, listed, PageRequest())
    assert [(email.failed_for, email.settled) for email in page.items] == [("NOT_WRITTEN", None)]
    only = await emails.list_emails(pool, owner.workspace_id, listed._replace(failed_for="SPAM"), PageRequest())
    assert only.items == []


async def test_many_are_decided_on_in_batches_that_a_crash_resumes(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies after a batch leaves the place: nobody is decided on twice, none is passed over."""
    monkeypatch.setattr(failure_decisions, "BATCH", 4)
    campaign = await failing(pool, owner, count=11)
    begun = await failure_decisions.decide(
        pool, owner.workspace_id, "RETRY", Failed(campaign_id=campaign), LOCAL, UNLIMITED
    )
    assert (begun.total, begun.changed, begun.finished_at) == (11, 4, None)
    assert await failure_decisions.carry_on(pool, owner.workspace_id, begun.id, UNLIMITED)
    now = await failure_decisions.get(pool, owner.workspace_id, begun.id)
    assert now.changed == 8
    # Emails that fail again meanwhile, or fail only now, wait for another word.
    await fail(pool, campaign, most=2)
    await worker(pool)
    over = await failure_decisions.get(pool, owner.workspace_id, begun.id)
    assert (over.changed, over.left_out, over.finished_at is not None) == (11, 0, True)
    assert await check(pool, campaign) == {"FAILED": 2, "SCHEDULED": 9}


@pytest.mark.parametrize("how", ["retry", "campaign", "reason"])
async def test_each_sender_retries_from_now_on_however_many_batches_there_are(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """What others had retried came before a sender's own: so they ended after the campaign's latest time, and were
    cancelled. Of all campaigns at once, every batch began anew.
    """
    monkeypatch.setattr(failure_decisions, "BATCH", 4)
    monkeypatch.setattr(decisions, "BATCH", 4)
    senders = [owner.sender_id, (await add_sender(pool, owner, "second@example.com")).sender_id]
    latest_at = datetime.now(UTC) + timedelta(minutes=8)
    campaign = await failing(pool, owner, count=14, sender_ids=senders, delay_between_ms=60_000, latest_at=latest_at)
    await failing(pool, owner, "full", count=["other@example.com"])
    if how == "retry":
        assert (await decisions.retry_many(pool, owner.workspace_id, Chosen(campaign_id=campaign))).changed == 14
    else:
        chosen = {"campaign_id": campaign} if how == "campaign" else {"reason": "UNKNOWN_ADDRESS"}
        assert (await decide(pool, owner, "RETRY", **chosen)).changed == 14
    assert await check(pool, campaign) == {"SCHEDULED": 14}
    slots = await rows(
        pool,
        "SELECT round(extract(epoch FROM scheduled_at - min(scheduled_at) OVER (PARTITION BY stream_id)) / 60)::integer"
        " AS minute, scheduled_at < %s AS in_time FROM emails WHERE campaign_id = %s ORDER BY stream_id, scheduled_at",
        latest_at,
        campaign,
    )
    assert [slot["minute"] for slot in slots] == [*range(7), *range(7)]
    assert all(slot["in_time"] for slot in slots)
    assert await value(pool, "SELECT count(*) FROM failure_decisions WHERE ahead <> '{}'") == 0


async def test_a_decision_goes_no_further_than_what_is_sorted(pool: Pool, owner: Owner) -> None:
    campaign = (await schedule_campaign(pool, owner, 6)).campaign.id
    await fail(pool, campaign, "full", most=2)
    await fail(pool, campaign, "spam", most=2)
    begun = await failure_decisions.decide(
        pool, owner.workspace_id, "PUT_ASIDE", Failed(reason="SPAM"), LOCAL, UNLIMITED
    )
    assert (begun.changed, begun.finished_at) == (0, None)
    whole = await decide(pool, owner, "PUT_ASIDE")
    assert (whole.total, whole.changed) == (4, 2)
    first = await failure_decisions.get(pool, owner.workspace_id, begun.id)
    assert (first.changed, first.finished_at is not None) == (2, True)
    assert await check(pool, campaign) == {"FAILED": 4, "SCHEDULED": 2}


async def test_who_is_stopped_suppressed_or_over_is_not_sent_to_again(pool: Pool, owner: Owner) -> None:
    campaign = await failing(pool, owner, count=3, steps=STEPS, follow_up_without_reading=True)
    ids = [each["id"] for each in await rows(pool, "SELECT id FROM emails ORDER BY id")]
    await stop(pool, owner.workspace_id, ids[0], LOCAL)
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, emails=["r1@example.com"], reason="UNSUBSCRIBED")
    cancelled = (await schedule_campaign(pool, owner, [f"{who}@example.com" for who in "xyz"])).campaign.id
    await fail(pool, cancelled, most=2)
    await worker(pool)
    await campaigns.cancel(pool, owner.workspace_id, cancelled)
    again = await decide(pool, owner, "RETRY")
    assert (again.total, again.changed, again.left_out) == (5, 1, 4)
    assert await check(pool, campaign) == {"FAILED": 2, "SCHEDULED": 1}
    assert await check(pool, cancelled) == {"FAILED": 2, "CANCELLED": 1}
    with pytest.raises(Conflict, match="CANCELLED"):
        await decide(pool, owner, "RETRY", campaign_id=cancelled)
    for verb in ("PUT_ASIDE", "SUPPRESS"):
        assert (await decide(pool, owner, verb, campaign_id=cancelled)).error is None
    assert await groups(pool, owner, cancelled) == {}
    assert await value(pool, "SELECT reason FROM suppressions WHERE name = 'r1@example.com'") == "UNSUBSCRIBED"


async def test_what_was_put_aside_may_still_be_retried_by_name(pool: Pool, owner: Owner) -> None:
    campaign = await failing(pool, owner, "full", count=2)
    ids = [each["id"] for each in await rows(pool, "SELECT id FROM emails ORDER BY id")]
    assert (await decide(pool, owner, "PUT_ASIDE", ids=ids)).changed == 2
    assert (await decide(pool, owner, "PUT_ASIDE", ids=ids)).changed == 0  # once
    assert (await decisions.retry_many(pool, owner.workspace_id, Chosen(campaign_id=campaign))).changed == 0
    email = await decisions.retry(pool, owner.workspace_id, ids[0])
    assert (email.status, email.settled, email.failed_for) == ("SCHEDULED", None, None)
    assert await check(pool, campaign) == {"FAILED": 1, "SCHEDULED": 1}


async def test_a_full_quota_ends_a_decision_with_its_words(pool: Pool, owner: Owner) -> None:
    campaign = await failing(pool, owner, count=3)
    begun = await failure_decisions.decide(
        pool, owner.workspace_id, "SUPPRESS", Failed(), LOCAL, Quotas(suppressions=2)
    )
    assert "QUOTA_SUPPRESSIONS" in str(begun.error)
    assert (begun.changed, begun.finished_at is not None) == (0, True)
    assert await value(pool, "SELECT count(*) FROM suppressions") == 0
    assert await groups(pool, owner, campaign) == {"UNKNOWN_ADDRESS": 3}


async def test_bad_words_are_refused(pool: Pool, owner: Owner) -> None:
    for failed in ({"ids": []}, {"ids": [1], "reason": "SPAM"}, {"ids": list(range(1, 1_002))}):
        with pytest.raises(InvalidInput):
            await decide(pool, owner, "PUT_ASIDE", **failed)
    with pytest.raises(NotFound):
        await decide(pool, owner, "PUT_ASIDE", campaign_id=99)
    assert (await decide(pool, owner, "RETRY", ids=[99])).left_out == 1
    assert (await decide(pool, owner, "RETRY")).finished_at is not None
    with pytest.raises(InvalidInput):
        await emails.list_emails(pool, owner.workspace_id, EmailFilter(undecided=True), PageRequest())


@pytest.mark.parametrize("removed_by", ["deletion", "retention"])
async def test_nobody_is_asked_about_emails_that_are_being_removed(
    pool: Pool, owner: Owner, monkeypatch: pytest.MonkeyPatch, removed_by: str
) -> None:
    """Until the last of them is gone, they were shown with buttons, which suppressed recipients that nobody sees."""
    monkeypatch.setattr(keeping, "BATCH", 2)
    monkeypatch.setattr(retention, "BATCH", 2)
    campaign = await failing(pool, owner, count=6)
    await fail(pool, (await schedule_campaign(pool, owner, ["kept@example.com"])).campaign.id)
    await worker(pool)
    if removed_by == "deletion":
        await keeping.delete(pool, owner.workspace_id, campaign, LOCAL)
    else:
        await execute(pool, "UPDATE campaigns SET finished_at = now() - interval '9 days' WHERE id = %s", campaign)
        (chore,) = [each for each in retention.chores(Settings(retention_emails_days=8)) if each.what == "emails"]
        async with transaction(pool) as conn:
            await conn.execute(chore.text, chore.parameters)
    left = [each["id"] for each in await rows(pool, "SELECT id FROM emails WHERE campaign_id = %s", campaign)]
    assert len(left) == 4
    assert await groups(pool, owner) == {"UNKNOWN_ADDRESS": 1}
    assert await groups(pool, owner, campaign) == {}
    page = await emails.list_emails(
        pool, owner.workspace_id, EmailFilter(status="FAILED", undecided=True), PageRequest()
    )
    assert [email.recipient for email in page.items] == ["kept@example.com"]
    for verb in ("RETRY", "PUT_ASIDE", "SUPPRESS"):
        assert (await decide(pool, owner, verb, ids=left)).left_out == 4
    whole = await decide(pool, owner, "SUPPRESS")
    assert (whole.total, whole.changed, whole.left_out) == (1, 1, 0)
    assert [each["name"] for each in await rows(pool, "SELECT name FROM suppressions")] == ["kept@example.com"]
    assert await value(pool, "SELECT sum(failed - settled) FROM streams") == 0
    # What failed last before it began is not even sorted.
    await execute(pool, "UPDATE emails SET failed_for = NULL WHERE id = ANY (%s)", left)
    assert (await failure_decisions.read(pool, owner.workspace_id, None)).failed.unsorted == 0


async def test_direct_mail_that_failed_asks_for_no_word(pool: Pool, owner: Owner) -> None:
    mail = Direct(content=CONTENT, recipient="ada@example.com", fields={}, name="A test", sender_id=owner.sender_id)
    posted = await direct.post(pool, owner.workspace_id, mail)
    await fail(pool, posted.campaign_id)
    await worker(pool)
    assert await groups(pool, owner) == {}
    assert await check(pool, posted.campaign_id) == {"FAILED": 1}
    with pytest.raises(Conflict, match="by hand"):
        await mending.mend(pool, owner.workspace_id, Correction(posted.email_id, "bob@example.com"), LOCAL)
    assert (await decisions.retry(pool, owner.workspace_id, posted.email_id)).status == "SCHEDULED"
    assert await check(pool, posted.campaign_id) == {"SCHEDULED": 1}


async def test_a_corrected_address_gets_an_email_of_its_own(pool: Pool, owner: Owner) -> None:
    campaign = await failing(
        pool, owner, count=["ada@gmial.com", "bob@example.com"], steps=STEPS, follow_up_without_reading=True
    )
    assert await value(pool, "SELECT status FROM campaigns") == "FINISHED"
    (failed, other) = [each["id"] for each in await rows(pool, "SELECT id FROM emails ORDER BY id")]

    async def mended(email_id: int, to: str) -> Email:
        return await mending.mend(pool, owner.workspace_id, Correction(email_id, to), LOCAL)

    with pytest.raises(InvalidInput):
        await mended(failed, "ada@")
    with pytest.raises(Conflict, match="among the campaign's"):
        await mended(failed, "Bob@example.com".replace("B", "b"))
    with pytest.raises(Conflict, match="the address that failed"):
        await mended(failed, "ada@gmial.com")
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, emails=["no@example.com"], reason="UNSUBSCRIBED")
    with pytest.raises(Suppressed):
        await mended(failed, "no@example.com")
    domain = "INSERT INTO domain_stops (workspace_id, campaign_id, domain) VALUES (%s, %s, 'answered.example')"
    await execute(pool, domain, owner.workspace_id, campaign)
    with pytest.raises(Conflict, match="somebody there answered"):
        await mended(failed, "ada@answered.example")
    new = await mended(failed, "ada@gmail.com")
    assert (new.status, new.recipient, new.step, new.campaign_id) == ("SCHEDULED", "ada@gmail.com", 1, campaign)
    old = await emails.get_email(pool, owner.workspace_id, failed)
    assert (old.status, old.recipient, old.settled, old.mended_as) == ("FAILED", "ada@gmial.com", "MENDED", new.id)
    assert len(old.attempts) == 1
    assert await check(pool, campaign) == {"FAILED": 2, "SCHEDULED": 1}
    assert await value(pool, "SELECT status FROM campaigns") == "ACTIVE"
    assert await value(pool, "SELECT count(*) FROM streams WHERE open AND next_due_at <= now()") == 1
    assert (await campaigns.get_campaign(pool, owner.workspace_id, campaign)).recipients == 3
    for again in (mended(failed, "ada@gmx.de"), decisions.retry(pool, owner.workspace_id, failed)):
        with pytest.raises(Conflict, match="corrected address"):
            await again
    assert (await decide(pool, owner, "RETRY", ids=[failed])).left_out == 1
    told = await mending.mend_many(
        pool, owner.workspace_id, [Correction(other, "bob@example.org"), Correction(99, "x@example.com")], LOCAL
    )
    assert (told.mended, [each.reason for each in told.refused]) == (1, ["no email 99"])
    assert await groups(pool, owner) == {}
    await stop(pool, owner.workspace_id, new.id, LOCAL)
    await check(pool, campaign)


async def test_a_stopped_recipient_is_not_mended_nor_a_cancelled_campaigns(pool: Pool, owner: Owner) -> None:
    campaign = await failing(pool, owner, count=2, steps=STEPS, follow_up_without_reading=True)
    first, second = [each["id"] for each in await rows(pool, "SELECT id FROM emails ORDER BY id")]
    await stop(pool, owner.workspace_id, first, LOCAL)
    with pytest.raises(Conflict, match="a person stopped"):
        await mending.mend(pool, owner.workspace_id, Correction(first, "x@example.com"), LOCAL)
    await execute(pool, "UPDATE campaigns SET status = 'CANCELLED', finished_at = NULL")
    with pytest.raises(Conflict, match="CANCELLED"):
        await mending.mend(pool, owner.workspace_id, Correction(second, "x@example.com"), LOCAL)
    assert await check(pool, campaign) == {"FAILED": 2}


async def test_over_http(api: httpx.AsyncClient, pool: Pool) -> None:
    campaign = (await schedule(api, ["ada@example.com", "bob@example.com"]))["campaign"]["id"]
    await fail(pool, campaign)
    await worker(pool)
    shown = (await api.get("/api/failures", params={"campaignId": campaign})).json()
    assert [(group["reason"], group["count"]) for group in shown["failed"]["groups"]] == [("UNKNOWN_ADDRESS", 2)]
    assert (await api.get(f"/api/campaigns/{campaign}")).json()["undecided"] == 2
    (first, second) = (await api.get("/api/emails?status=FAILED&undecided=true")).json()["items"]
    wrong = await api.post(f"/api/emails/{first['id']}/mend", json={"email": "nobody"})
    assert wrong_fields(wrong).keys() == {"email"}
    new = await api.post(f"/api/emails/{first['id']}/mend", json={"email": "ada@example.org"})
    assert new.json()["recipient"] == "ada@example.org"
    answer = await api.post("/api/failures/decisions", json={"verb": "PUT_ASIDE", "reason": "UNKNOWN_ADDRESS"})
    assert (answer.status_code, answer.json()["changed"]) == (201, 1)
    told = (await api.get(f"/api/failures/decisions/{answer.json()['id']}")).json()
    assert told["finishedAt"] is not None
    problem(await api.get("/api/failures/decisions/99"), 404)
    problem(await api.post("/api/failures/decisions", json={"verb": "RETRY", "campaignId": 99}), 404)
    refused = await api.post("/api/failures/corrections", json={"corrections": [{"id": second["id"], "email": "x"}]})
    assert (refused.json()["mended"], len(refused.json()["refused"])) == (0, 1)
    totals = (await api.get("/api/stats/totals")).json()
    assert (totals["counts"]["FAILED"], totals["undecided"]) == (2, 0)
