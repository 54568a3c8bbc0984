"""Direct mail: at once, ahead of what is planned, in the ledger and in no list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.campaigns import direct
from app.domain.campaigns.content import Content
from app.domain.campaigns.direct import Direct
from app.domain.ledger.exchange import mend_plans
from app.domain.planning import changes
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.domain.workspaces.quotas import Quotas
from app.errors import QuotaReached
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.api import api_client, authorization, problem, schedule, written, wrong_fields
from tests.support.engine import (
    Owner,
    addresses,
    clear_of_the_hour,
    execute,
    row,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_until_sent,
)
from tests.support.sinkproc import Sink

TEST: dict[str, Any] = {"subject": "Hello {{ first_name }}", "body": "A text.", "fields": {"first_name": "Ada"}}
MAIL = Direct("A test", Content("Hello", "A text."), "me@example.com", {})


async def test_a_test_goes_at_once_while_a_list_waits_for_hours(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, box: SecretBox
) -> None:
    await clear_of_the_hour()
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=50))
    later = datetime.now(UTC) + timedelta(minutes=1)  # within the hour, all of which is planned for
    await schedule_campaign(pool, owner, addresses(500, "list"), start_time=later)
    posted = await direct.post(pool, owner.workspace_id, MAIL)
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_sent(pool, posted.campaign_id)
    assert [entry.envelope_to for entry in sink.accepted()] == ["me@example.com"]


async def test_a_full_hour_moves_it_to_the_next_one_before_all_others(pool: Pool, owner: Owner, box: SecretBox) -> None:
    await clear_of_the_hour()
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=5))
    await schedule_campaign(pool, owner, addresses(12, "list"))
    posted = await direct.post(pool, owner.workspace_id, MAIL)
    await execute(
        pool,
        "INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, used)"
        " SELECT workspace_id, id, this_hour(), 5, 5 FROM logins",
    )
    await mend_plans(pool, owner.workspace_id, owner.sender_id, over_limit=True)
    next_hour = await value(pool, "SELECT this_hour() + interval '1 hour'")
    at = "SELECT scheduled_at FROM emails WHERE campaign_id = %s"
    assert await value(pool, at, posted.campaign_id) == next_hour
    # A limit that is raised has it go at once, whatever else is planned anew.
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=6))
    assert await changes.carry_out(pool, owner.workspace_id, owner.sender_id)
    assert await value(pool, at, posted.campaign_id) < next_hour


async def test_it_is_in_the_ledger_and_in_no_list(api: httpx.AsyncClient, pool: Pool, user: User) -> None:
    listed = (await schedule(api, startTime="2030-01-31T08:00:00Z"))["campaign"]["id"]
    answer = await api.post("/api/campaigns/test", json=TEST)
    assert answer.status_code == 201, answer.text
    posted = answer.json()
    assert posted["recipient"] == user.email
    assert posted["waiting"]["reason"] == "NO_WORKER"  # none runs here: it would go at once
    campaign, email = posted["campaignId"], posted["emailId"]
    assert [each["id"] for each in (await api.get("/api/campaigns")).json()["items"]] == [listed]
    assert [each["campaignId"] for each in (await api.get("/api/emails")).json()["items"]] == [listed]
    waits = {"status": "SCHEDULED"}
    assert [each["campaignId"] for each in (await api.get("/api/emails", params=waits)).json()["items"]] == [listed]
    assert (await api.get("/api/stats/totals", params={"dueBefore": "2031-01-01T00:00:00Z"})).json()["due"] == 1
    assert (await api.get("/api/stats/totals")).json()["counts"]["SCHEDULED"] == 1
    export = (await api.get("/api/emails/export")).text
    assert "ada@example.com" in export
    assert user.email not in export
    # By its id, and where it is asked for.
    shown = (await api.get(f"/api/campaigns/{campaign}")).json()
    assert (shown["kind"], shown["name"], shown["total"]) == ("DIRECT", "Test: Hello {{ first_name }}", 1)
    assert (await api.get(f"/api/emails/{email}")).json()["subject"] == "Hello Ada"
    for asked in ({"kind": "DIRECT"}, {"campaignId": campaign}, {"kind": "DIRECT", "status": "SCHEDULED"}):
        assert [each["id"] for each in (await api.get("/api/emails", params=asked)).json()["items"]] == [email]
    assert user.email in (await api.get("/api/emails/export", params={"kind": "DIRECT"})).text
    assert await row(pool, "SELECT direct, open, gap_ms FROM streams WHERE campaign_id = %s", campaign) == {
        "direct": True,
        "open": True,
        "gap_ms": 0,
    }


async def test_direct_mail_is_paged(api: httpx.AsyncClient) -> None:
    ids = [(await api.post("/api/campaigns/test", json=TEST)).json()["emailId"] for _ in range(3)]
    page = (await api.get("/api/emails", params={"kind": "DIRECT", "limit": 2})).json()
    assert [each["id"] for each in page["items"]] == ids[:0:-1]
    rest = (await api.get("/api/emails", params={"kind": "DIRECT", "cursor": page["nextCursor"]})).json()
    assert [each["id"] for each in rest["items"]] == ids[:1]


async def test_it_is_erased_and_exported_with_the_rest(api: httpx.AsyncClient, pool: Pool) -> None:
    email = (await api.post("/api/campaigns/test", json=TEST | {"email": "ada@example.com"})).json()["emailId"]
    later = (await api.post("/api/campaigns/test", json=TEST | {"afterSeconds": 60})).json()
    assert later["waiting"]["reason"] == "NOT_DUE"
    assert later["waiting"]["detail"].startswith("It was asked to go then")
    exported = (await api.get("/api/recipients/export", params={"email": "ada@example.com"})).text
    assert "Hello {{ first_name }}" in exported or "Hello Ada" in exported
    erased = await api.post("/api/recipients/erase", json={"email": "ada@example.com"})
    assert erased.status_code == 200, erased.text
    assert await value(pool, "SELECT status FROM emails WHERE id = %s", email) == "CANCELLED"


async def test_what_is_wrong_is_named_and_nothing_is_written(api: httpx.AsyncClient, pool: Pool) -> None:
    before = await written(pool)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"subject": " "}, "subject"),
        ({"subject": "{{ last_name }}"}, "email"),
        ({"subject": "{{ long }}", "fields": {"long": "x" * 999}}, "subject"),
        ({"subject": "{{ long | strip }}", "fields": {"long": "x" * 999}}, "subject"),
        ({"body": "{% nonsense %}"}, "body"),
        ({"email": "nobody"}, "email"),
        ({"senderId": 12345}, "senderId"),
        ({"recipients": ["ada@example.com"]}, "recipients"),
    ]
    for change, field in cases:
        assert list(wrong_fields(await api.post("/api/campaigns/test", json=TEST | change))) == [field]
    assert await written(pool) == before


async def test_quotas_hold_for_it(pool: Pool, owner: Owner) -> None:
    most = Quotas(campaigns_a_day=1)
    await direct.post(pool, owner.workspace_id, MAIL, most=most)
    with pytest.raises(QuotaReached):
        await direct.post(pool, owner.workspace_id, MAIL, most=most)


async def test_it_is_written_as_a_campaign_would_be(api: httpx.AsyncClient) -> None:
    sender = (await api.get("/api/senders")).json()["items"][0]["id"]
    await api.put(f"/api/senders/{sender}/signature", json={"text": "Ann Lee"})
    test = {
        "subject": "For {{ company }}",
        "bodyHtml": '<style>p { color: red }</style><p>Until {{ day | date: "long" }}</p>',
        "language": "de",
        "fields": {"company": " ", "day": "2030-04-13"},
    }
    assert list(wrong_fields(await api.post("/api/campaigns/test", json=test))) == ["email"]
    decided = test | {"ifBlank": {"company": {"do": "write", "text": "you"}}}
    email = (await api.post("/api/campaigns/test", json=decided)).json()["emailId"]
    message = (await api.get(f"/api/emails/{email}/message")).json()
    assert (message["subject"], message["text"]) == ("For you", "Until 13. April 2030\n\nAnn Lee")
    assert 'style="color: red;"' in message["html"]


@pytest.mark.parametrize("change", [{"startTime": "2030-01-01T00:00:00Z"}, {"delayBetweenMs": 5}, {"senderIds": [1]}])
async def test_it_has_no_plan_that_can_be_changed(api: httpx.AsyncClient, change: dict[str, Any]) -> None:
    """A person who insists on writing to somebody has said so at its start: no suppression of after that may come
    before it.
    """
    await api.post("/api/suppressions", json={"emails": ["a@example.com"]})
    asked = TEST | {"email": "a@example.com", "despiteSuppression": True}
    campaign = (await api.post("/api/campaigns/test", json=asked)).json()["campaignId"]
    assert "by hand" in problem(await api.patch(f"/api/campaigns/{campaign}", json=change), 409)["detail"]
    assert (await api.patch(f"/api/campaigns/{campaign}", json={"subject": "Hello"})).status_code == 200


async def test_a_test_goes_to_the_operators_network_too(
    settings: Settings, database_url: str, pool: Pool, user: User
) -> None:
    allowed = msgspec.structs.replace(settings, allow_internal_domains=("corp.local",))
    for known, status in ((settings, 422), (allowed, 201)):
        async with api_client(known, database_url, await authorization(pool, user)) as api:
            posted = await api.post("/api/campaigns/test", json=TEST | {"email": "Ops@Corp.local"})
            assert posted.status_code == status, posted.text
    assert await value(pool, "SELECT recipient FROM emails") == "Ops@corp.local"
    async with api_client(allowed, database_url, await authorization(pool, user)) as api:
        await api.post("/api/suppressions", json={"domains": ["corp.local"]})
        problem(await api.post("/api/campaigns/test", json=TEST | {"email": "ops@corp.local"}), 409)
