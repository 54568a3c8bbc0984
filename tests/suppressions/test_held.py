"""Suppressed recipients when emails are made, sent again or claimed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.campaigns import direct
from app.domain.campaigns.content import Content
from app.domain.campaigns.direct import Direct
from app.domain.ledger import streams
from app.domain.ledger.claims import Claimant
from app.domain.planning.campaign_calendar import DAYS
from app.domain.suppressions.digests import address_key
from app.domain.suppressions.held import of_emails
from app.domain.suppressions.suppress import Reason, suppress
from app.mail.opaque import digest
from tests.ledger.test_holds import Lane
from tests.support.api import problem, schedule
from tests.support.engine import (
    Owner,
    check_conservation,
    execute,
    recipients_by_status,
    row,
    rows,
    schedule_campaign,
    settle_streams,
    value,
)

TEXT = {"subject": "Hello", "body": "A text."}


@pytest.fixture
async def mine(pool: Pool, owner: Owner) -> Lane:
    """A worker that claims for the owner's sender."""
    token = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    return Lane(pool, Claimant(token, owner.workspace_id, owner.sender_id))


async def stop(
    pool: Pool, workspace_id: int, *emails: str, domains: tuple[str, ...] = (), reason: Reason = "MANUAL"
) -> None:
    async with transaction(pool) as conn:
        await suppress(conn, workspace_id, emails=emails, domains=domains, reason=reason)


async def write_down(pool: Pool, workspace_id: int, *names: str) -> None:
    """Suppressions that nobody has told the waiting emails of, as an exchange writes them."""
    for name in names:
        await execute(
            pool,
            "INSERT INTO suppressions (workspace_id, key, kind, name, reason) VALUES (%s, address_digest(%s),"
            " CASE WHEN left(%s, 1) = '@' THEN 'DOMAIN' ELSE 'ADDRESS' END::suppression_kind, %s, 'MANUAL')",
            *(workspace_id, name, name, name.removeprefix("@")),
        )


@pytest.mark.parametrize("address", ["A.B+c@Example.com", "ünïcode@bücher.example", "İ@example.com", "x@corp"])
async def test_python_and_sql_make_the_same_digest(pool: Pool, address: str) -> None:
    secret = await address_key(pool)
    assert digest(secret, address).hex() == await value(pool, "SELECT encode(address_digest(%s), 'hex')", address)


async def test_emails_have_the_digest_of_their_recipient(pool: Pool, owner: Owner) -> None:
    await schedule_campaign(pool, owner, ["A@example.com", "o'neil@example.com", "ünï@bücher.example"])
    await direct.post(pool, owner.workspace_id, Direct("d", Content("s", "t"), "b@example.com", {}))
    assert await value(pool, "SELECT count(*) FROM emails WHERE recipient_key = address_digest(recipient)") == 4


@pytest.mark.parametrize(
    "calendar",
    [None, {"timezone": "recipient", "days": list(DAYS), "from": "00:00", "to": "23:59", "fallbackTimezone": "UTC"}],
)
async def test_a_campaign_leaves_out_who_is_suppressed_and_says_so(
    api: httpx.AsyncClient, pool: Pool, user: User, calendar: Mapping[str, Any] | None
) -> None:
    await stop(pool, user.workspace_id, "R1@example.com", reason="UNSUBSCRIBED")
    await stop(pool, user.workspace_id, domains=("example.org",))
    await execute(pool, "UPDATE suppressions SET created_at = '2026-05-03 12:00Z'")
    people = [
        {"email": "r0@example.com", "tz": "Asia/Tokyo"},
        {"email": "r1@example.com", "tz": "Europe/Berlin"},
        {"email": "not an address"},
        {"email": "r2@mail.Example.org"},
        {"email": "r3@notexample.org", "tz": "America/New_York"},
        {"email": "r4@example.org"},
        {"email": "r5@example.com"},
    ]
    asked = TEXT | {"recipients": people} | ({} if calendar is None else {"calendar": calendar})
    shown = [
        {"row": 2, "email": "r1@example.com", "reason": "unsubscribed on 3 May 2026"},
        {"row": 4, "email": "r2@mail.example.org", "reason": "was suppressed on 3 May 2026, with all of example.org"},
        {"row": 6, "email": "r4@example.org", "reason": "was suppressed on 3 May 2026, with all of example.org"},
    ]
    for path in ("preview", "schedule"):
        answer = await api.post(f"/api/campaigns/{path}", json=asked)
        assert answer.is_success, answer.text
        told = answer.json()
        assert (told["accepted"], told["suppressed"], told["suppressedRows"]) == (3, 3, shown)
        assert [one["row"] for one in told["rejected"]] == [3]
    found = await rows(pool, "SELECT recipient, zone FROM emails ORDER BY id")
    zones = ["Asia/Tokyo", "America/New_York", None] if calendar else [None] * 3
    assert [(one["recipient"], one["zone"]) for one in found] == list(
        zip(["r0@example.com", "r3@notexample.org", "r5@example.com"], zones, strict=True)
    )
    await check_conservation(pool, told["campaign"]["id"])


async def test_a_list_of_which_everybody_is_suppressed_is_refused(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    await stop(pool, user.workspace_id, "a@example.com")
    answer = await api.post("/api/campaigns/schedule", json=TEXT | {"recipients": ["a@example.com"]})
    assert answer.status_code == 422
    assert "everybody on the list is suppressed" in answer.text


async def test_another_workspaces_suppressions_stop_nobody_here(api: httpx.AsyncClient, pool: Pool) -> None:
    await stop(pool, await _other(pool), "a@example.com", domains=("example.org",))
    answer = await schedule(api, recipients=["a@example.com", "b@example.org"])
    assert (answer["accepted"], answer["suppressed"]) == (2, 0)


async def test_a_claim_cancels_who_is_suppressed_and_takes_the_others(pool: Pool, owner: Owner, mine: Lane) -> None:
    people = ["a@example.com", "B@example.com", "c@sub.example.org", "d@example.net", "e@notexample.org"]
    campaign = (await schedule_campaign(pool, owner, people)).campaign.id
    await execute(pool, "UPDATE emails SET recipient_key = NULL WHERE recipient = 'd@example.net'")
    await write_down(pool, owner.workspace_id, "b@example.com", "@example.org", "d@example.net")
    await stop(pool, await _other(pool), "a@example.com")
    assert [claim.recipient for claim in await mine.claim(5)] == ["a@example.com", "e@notexample.org"]
    assert await check_conservation(pool, campaign) == {"SENDING": 2, "CANCELLED": 3}
    assert await rows(pool, "SELECT DISTINCT cancel_reason::text AS r FROM emails WHERE status = 'CANCELLED'") == [
        {"r": "SUPPRESSED"}
    ]
    assert await streams.heal(pool) == []


async def _other(pool: Pool) -> int:
    return await value(pool, "INSERT INTO workspaces (name) VALUES ('other') RETURNING id")


async def test_a_campaign_whose_last_recipient_is_suppressed_at_the_claim_is_finished(
    pool: Pool, owner: Owner, mine: Lane
) -> None:
    campaign = (await schedule_campaign(pool, owner, 2)).campaign.id
    await write_down(pool, owner.workspace_id, "r0@example.com", "r1@example.com")
    assert await mine.claim(5) == []
    assert await value(pool, "SELECT status FROM campaigns WHERE id = %s", campaign) == "FINISHED"


async def test_what_failed_for_somebody_who_is_suppressed_is_not_tried_again(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    answer = await schedule(api, recipients=["a@example.com", "b@example.com"])
    campaign = answer["campaign"]["id"]
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("UPDATE emails SET status = 'FAILED'")
        await conn.execute("UPDATE streams SET scheduled = 0, failed = 2")
        await settle_streams(conn)
    await stop(pool, user.workspace_id, "a@example.com", reason="BOUNCED")
    await execute(pool, "UPDATE suppressions SET created_at = '2026-05-03 12:00Z'")
    ids = {one["recipient"]: one["id"] for one in await rows(pool, "SELECT id, recipient FROM emails")}
    refused = await api.post(f"/api/emails/{ids['a@example.com']}/retry")
    assert problem(refused, 409)["type"].endswith(":suppressed")
    assert refused.json()["detail"] == "a@example.com was said not to exist on 3 May 2026"
    told = (await api.post("/api/emails/retry", json={"campaignId": campaign})).json()
    assert told == {
        "changed": 1,
        "suppressed": 1,
        "suppressedEmails": [
            {"id": ids["a@example.com"], "email": "a@example.com", "reason": "was said not to exist on 3 May 2026"}
        ],
    }
    assert await recipients_by_status(pool, campaign) == {"a@example.com": "FAILED", "b@example.com": "SCHEDULED"}
    again = (await api.post("/api/emails/retry", json={"ids": list(ids.values())})).json()
    assert (again["changed"], again["suppressed"]) == (0, 1)


async def test_an_email_in_doubt_may_be_taken_as_sent_to_whoever_is_suppressed_but_not_sent_again(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    await schedule(api, recipients=["a@example.com"])
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("UPDATE emails SET status = 'UNKNOWN'")
        await conn.execute("UPDATE streams SET scheduled = 0, unknown = 1")
        await settle_streams(conn)
    await stop(pool, user.workspace_id, "a@example.com")
    email_id = await value(pool, "SELECT id FROM emails")
    assert (await api.post(f"/api/emails/{email_id}/resolve", json={"as": "resend"})).status_code == 409
    assert (await api.post(f"/api/emails/{email_id}/resolve", json={"as": "sent"})).is_success


async def test_a_test_to_somebody_who_is_suppressed_has_to_be_confirmed_and_goes_then(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    await stop(pool, user.workspace_id, "me@example.com")
    asked: dict[str, Any] = {"subject": "s", "body": "b", "email": "me@example.com"}
    refused = await api.post("/api/campaigns/test", json=asked)
    assert problem(refused, 409)["type"].endswith(":suppressed")
    assert await rows(pool, "SELECT * FROM emails") == []
    posted = await api.post("/api/campaigns/test", json=asked | {"despiteSuppression": True})
    assert posted.is_success, posted.text
    token = uuid4()
    await execute(
        pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'lane', now() + interval '1 d')", token
    )
    sender = await row(pool, "SELECT workspace_id, sender_id AS id FROM streams")
    (claim,) = await Lane(pool, Claimant(token, sender["workspace_id"], sender["id"])).claim(1)
    assert claim.recipient == "me@example.com"
    await stop(pool, user.workspace_id, "you@example.com")
    await api.post("/api/campaigns/test", json=asked | {"email": "him@example.com", "despiteSuppression": True})
    await stop(pool, user.workspace_id, "him@example.com")
    assert await value(pool, "SELECT status FROM emails WHERE recipient = 'him@example.com'") == "CANCELLED"


@pytest.mark.parametrize("later", [{"emails": ["me@example.com"]}, {"domains": ("example.com",)}])
async def test_a_confirmation_says_nothing_of_suppressions_that_come_after_it(
    pool: Pool, owner: Owner, mine: Lane, later: Mapping[str, Any]
) -> None:
    await stop(pool, owner.workspace_id, "me@example.com")
    mail = Direct("d", Content("s", "t"), "me@example.com", {}, sender_id=owner.sender_id, insists=True)
    first = (await direct.post(pool, owner.workspace_id, mail)).email_id
    second = (await direct.post(pool, owner.workspace_id, mail)).email_id
    (claim,) = await mine.claim(1)
    assert claim.id == first
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, **later, reason="UNSUBSCRIBED")
    # An email that was at the server comes back, as after a 4xx, and a walk has not come to it yet.
    await execute(
        pool,
        "UPDATE emails SET status = 'SCHEDULED', claim_token = NULL, cancel_reason = NULL WHERE id = ANY (%s)",
        [first, second],
    )
    await execute(
        pool, "UPDATE streams SET scheduled = 1, sending = 0, cancelled = 0, open = true, passed_at = '-infinity'"
    )
    assert await mine.claim(5) == []
    states = await rows(pool, "SELECT DISTINCT status::text, cancel_reason::text AS why FROM emails")
    assert states == [{"status": "CANCELLED", "why": "SUPPRESSED"}]
    await execute(pool, "UPDATE emails SET status = 'FAILED', cancel_reason = NULL")
    await execute(pool, "UPDATE streams SET failed = 1, cancelled = 0")
    async with transaction(pool, owner.workspace_id) as conn:
        held = await of_emails(conn, owner.workspace_id, [first, second], "FAILED")
    assert [one.id for one in held] == [first, second]
