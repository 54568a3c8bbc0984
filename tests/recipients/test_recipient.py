"""GET /api/recipients: one address over all campaigns, in order of time."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from tests.recipients.test_personal_data import ADA, erase, settle
from tests.support.api import Headers, schedule, wrong_fields
from tests.support.engine import execute, value


async def page_of(api: httpx.AsyncClient, email: str = ADA, **query: Any) -> dict[str, Any]:
    response = await api.get("/api/recipients", params={"email": email} | query)
    assert response.status_code == 200, response.text
    return response.json()


async def moved(pool: Pool, campaign_id: int, **interval: str) -> None:
    """The campaign's emails, in time."""
    for column, by in interval.items():
        await execute(
            pool,
            f"UPDATE emails SET {column} = now() + %s::interval WHERE campaign_id = %s",  # noqa: S608
            by,
            campaign_id,
        )


async def campaigns(api: httpx.AsyncClient, pool: Pool) -> dict[str, int]:
    """One that waits, one sent, one that failed; in an order of their own in time."""
    ids: dict[str, int] = {}
    for name, recipient in (("Late", ADA), ("Failed", "ada@EXAMPLE.com"), ("Sent", "ADA@example.com"), ("Soon", ADA)):
        scheduled = await schedule(api, [recipient, "bob@example.com"], name=name)
        ids[name] = scheduled["campaign"]["id"]
    await settle(pool, "ada@example.com", ids["Failed"], "FAILED")
    await settle(pool, "ADA@example.com", ids["Sent"], "SENT")
    await moved(pool, ids["Late"], scheduled_at="3 days")
    await moved(pool, ids["Failed"], scheduled_at="1 hour", claimed_at="-1 hour")
    await execute(
        pool,
        "UPDATE emails SET sent_at = now() - interval '2 days' WHERE campaign_id = %s AND status = 'SENT'",
        ids["Sent"],
    )
    await moved(pool, ids["Soon"], scheduled_at="1 day")
    return ids


async def test_what_comes_next_is_what_an_email_owes_too_and_when_and_why_it_would_not(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    steps = [{"wait": "P1D", "body": "x"}, {"wait": "P1D", "businessDays": True, "body": "x"}]
    first, second = [(await schedule(api, [ADA], name=name, steps=steps))["campaign"]["id"] for name in "ab"]
    sent = "UPDATE emails SET status = 'SENT', sent_at = '2026-11-06T10:00Z', follow_at = '2099-11-07T10:00Z'"
    await execute(pool, sent)
    found = await page_of(api)
    assert (found["next"], found["ended"]) == (None, [])
    assert [(one["campaignName"], one["step"], one["at"]) for one in found["nextSteps"]] == [
        ("a", 2, "2099-11-07T10:00:00Z"),
        ("b", 2, "2099-11-07T10:00:00Z"),
    ]
    assert found["nextSteps"][0]["waiting"]["reason"] == "FOLLOWS"
    email = found["nextSteps"][1]["emailId"]
    assert (await api.post(f"/api/campaigns/{first}/pause")).status_code == 200
    assert (await api.post(f"/api/emails/{email}/stop")).status_code == 200
    found = await page_of(api)
    (step,) = found["nextSteps"]
    assert (step["campaignId"], step["waiting"]["reason"]) == (first, "PAUSED")
    assert found["ended"] == [{"campaignId": second, "campaignName": "b", "reason": "STOPPED"}]
    told = (await api.get(f"/api/emails/{step['emailId']}")).json()
    assert told["nextStep"] == step
    assert (await api.get(f"/api/emails/{email}")).json()["nextStep"] is None


async def test_every_email_of_every_campaign_is_there_latest_first(api: httpx.AsyncClient, pool: Pool) -> None:
    await campaigns(api, pool)
    found = await page_of(api, "aDA@Example.COM")
    assert found["email"] == "aDA@example.com"
    assert found["emails"] == 4
    assert [item["email"]["campaignName"] for item in found["items"]] == ["Late", "Soon", "Failed", "Sent"]
    assert [item["email"]["status"] for item in found["items"]] == ["SCHEDULED", "SCHEDULED", "FAILED", "SENT"]
    assert [item["at"] for item in found["items"]] == sorted((item["at"] for item in found["items"]), reverse=True)
    assert found["items"][2]["email"]["code"] == 550
    assert found["items"][1]["email"]["waiting"]["reason"]
    assert found["next"]["campaignName"] == "Soon"
    assert found["nextCursor"] is None


async def test_it_comes_page_by_page_and_each_says_how_many_and_which_is_next(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    await campaigns(api, pool)
    names: list[str] = []
    cursor = None
    while True:
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        found = await page_of(api, **query)
        names += [item["email"]["campaignName"] for item in found["items"]]
        assert (found["emails"], found["next"]["campaignName"]) == (4, "Soon")
        cursor = found["nextCursor"]
        if cursor is None:
            break
    assert names == ["Late", "Soon", "Failed", "Sent"]


async def test_of_somebody_never_written_to_it_says_so(api: httpx.AsyncClient) -> None:
    assert await page_of(api, "nobody@example.com") == {
        "email": "nobody@example.com",
        "suppressions": [],
        "emails": 0,
        "next": None,
        "nextSteps": [],
        "ended": [],
        "items": [],
        "nextCursor": None,
    }


NO_ADDRESSES = ["", "ada", "ada@", "a@b@example.com", "ada@example.com, bob@example.com", "a\0@b.com"]


@pytest.mark.parametrize("email", NO_ADDRESSES)
async def test_what_is_no_address_is_refused(api: httpx.AsyncClient, email: str) -> None:
    wrong = wrong_fields(await api.get("/api/recipients", params={"email": email}))
    assert set(wrong) == {"email"}


async def test_a_wrong_cursor_or_limit_is_refused(api: httpx.AsyncClient) -> None:
    for name, wrong in (("cursor", "1.x"), ("cursor", "9" * 19), ("limit", "501"), ("limit", "0")):
        response = await api.get("/api/recipients", params={"email": ADA, name: wrong})
        assert set(wrong_fields(response)) == {name}


async def test_emails_of_another_workspace_are_not_in_it(api: httpx.AsyncClient, pool: Pool, stranger: Headers) -> None:
    await schedule(api, [ADA])
    response = await api.get("/api/recipients", params={"email": ADA}, headers=stranger)
    assert response.json()["emails"] == 0
    assert response.json()["items"] == []


async def test_it_says_why_they_are_written_to_no_more(api: httpx.AsyncClient, pool: Pool) -> None:
    await campaigns(api, pool)
    added = {"emails": ["ADA@example.com"], "reason": "UNSUBSCRIBED", "note": "by phone"}
    assert (await api.post("/api/suppressions", json=added)).json()["cancelled"] == 2
    assert (await api.post("/api/suppressions", json={"domains": ["example.com"]})).status_code == 200
    found = await page_of(api)
    of_address, of_domain = found["suppressions"]
    assert (of_address["email"], of_address["reason"], of_address["note"]) == (
        "ADA@example.com",
        "UNSUBSCRIBED",
        "by phone",
    )
    assert (of_domain["email"], of_domain["domain"], of_domain["reason"]) == (None, "example.com", "MANUAL")
    assert found["next"] is None
    (first, *_) = found["items"]
    assert (first["email"]["status"], first["email"]["cancelReason"]) == ("CANCELLED", "SUPPRESSED")
    for each in found["suppressions"]:
        await api.request("DELETE", f"/api/suppressions/{each['id']}", json={"why": "a mistake"})
    assert (await page_of(api))["suppressions"] == []


async def test_whoever_was_erased_is_not_found_by_their_address(api: httpx.AsyncClient, pool: Pool) -> None:
    await campaigns(api, pool)
    await erase(api)
    assert (await page_of(api))["emails"] == 0


async def test_of_an_address_with_many_emails_the_latest_are_put_in_order(
    api: httpx.AsyncClient, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.domain.recipients.recipient.MOST_EMAILS", 3)
    await campaigns(api, pool)
    found = await page_of(api)
    assert [item["email"]["campaignName"] for item in found["items"]] == ["Soon", "Failed", "Sent"]
    assert found["emails"] == 3


async def test_a_cancelled_email_says_why(api: httpx.AsyncClient, pool: Pool) -> None:
    ids = await campaigns(api, pool)
    assert (await api.post(f"/api/campaigns/{ids['Late']}/cancel")).status_code == 200
    (first, *_) = (await page_of(api))["items"]
    assert (first["email"]["status"], first["email"]["cancelReason"]) == ("CANCELLED", "CAMPAIGN")
    email = (await api.get(f"/api/emails/{first['email']['id']}")).json()
    assert email["cancelReason"] == "CAMPAIGN"
    counted = (await api.get(f"/api/campaigns/{ids['Late']}/cancelled")).json()
    assert counted == {"items": [{"reason": "CAMPAIGN", "count": 2}]}


async def test_why_emails_were_cancelled_is_counted_by_reason(api: httpx.AsyncClient, pool: Pool) -> None:
    scheduled = await schedule(api, [f"r{n}@example.com" for n in range(6)])
    campaign_id = scheduled["campaign"]["id"]
    assert (await api.get(f"/api/campaigns/{campaign_id}/cancelled")).json() == {"items": []}
    await api.post(f"/api/campaigns/{campaign_id}/cancel")
    first = await value(pool, "SELECT min(id) FROM emails WHERE campaign_id = %s", campaign_id)
    await execute(pool, "UPDATE emails SET cancel_reason = 'LATE' WHERE id <= %s", first + 1)
    await execute(pool, "UPDATE emails SET cancel_reason = 'SUPPRESSED' WHERE id = %s", first)
    await execute(pool, "UPDATE emails SET cancel_reason = NULL WHERE id = %s", first + 2)  # as before it was written
    assert (await api.get(f"/api/campaigns/{campaign_id}/cancelled")).json() == {
        "items": [
            {"reason": "CAMPAIGN", "count": 4},
            {"reason": "SUPPRESSED", "count": 1},
            {"reason": "LATE", "count": 1},
        ]
    }
    assert (await api.get(f"/api/campaigns/{campaign_id + 1}/cancelled")).status_code == 404
