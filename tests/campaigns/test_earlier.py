"""notIfWrittenToDays and notInCampaigns: who was written to before is left out, counted and named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.planning.campaign_calendar import DAYS
from app.domain.suppressions.suppress import suppress
from tests.support.api import Headers, schedule, wrong_fields
from tests.support.engine import check_conservation, execute, value

TEXT = {"subject": "Hello", "body": "A text."}
PEOPLE = ["ada@example.com", "Bob@example.com", "cy@example.com", "dee@example.com"]


def day(ago: int) -> str:
    at = datetime.now(UTC) - timedelta(days=ago)
    return f"{at.day} {at:%B %Y}"


async def written(api: httpx.AsyncClient, pool: Pool, recipients: list[str], name: str, **ago: str) -> int:
    """A campaign that went to all of them so long ago."""
    scheduled = await schedule(api, recipients, name=name)
    campaign_id = scheduled["campaign"]["id"]
    await execute(
        pool,
        "UPDATE emails SET status = 'SENT', sent_at = now() - %s::interval WHERE campaign_id = %s",
        *(ago.get("ago", "1 day"), campaign_id),
    )
    await execute(pool, "UPDATE streams SET sent = scheduled, scheduled = 0 WHERE campaign_id = %s", campaign_id)
    return campaign_id


async def both(api: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    """The answer of preview, which schedule must give, too."""
    told: list[dict[str, Any]] = []
    for path in ("preview", "schedule"):
        response = await api.post(f"/api/campaigns/{path}", json=body)
        assert response.is_success, response.text
        told.append(response.json())
    assert [told[0][name] for name in ("accepted", "earlier", "earlierRows")] == [
        told[1][name] for name in ("accepted", "earlier", "earlierRows")
    ]
    return told[1]


async def test_who_was_written_to_in_the_last_days_is_left_out(api: httpx.AsyncClient, pool: Pool) -> None:
    await written(api, pool, ["Ada@example.com"], "Spring news", ago="29 days")
    await written(api, pool, ["bob@example.com"], "Winter news", ago="31 days")
    told = await both(api, TEXT | {"recipients": [*PEOPLE, "no address"], "notIfWrittenToDays": 30})
    assert (told["accepted"], told["earlier"], told["suppressed"], len(told["rejected"])) == (3, 1, 0, 1)
    reason = f"written to on {day(29)} in “Spring news”"
    assert told["earlierRows"] == [{"row": 1, "email": "ada@example.com", "reason": reason}]
    rows_of = "SELECT array_agg(recipient) FROM emails WHERE campaign_id = %s"
    found = await value(pool, rows_of, told["campaign"]["id"])
    assert sorted(found) == ["Bob@example.com", "cy@example.com", "dee@example.com"]
    await check_conservation(pool, told["campaign"]["id"])


@pytest.mark.parametrize(
    ("status", "is_left_out"),
    [("SENDING", True), ("UNKNOWN", True), ("SCHEDULED", False), ("FAILED", False), ("CANCELLED", False)],
)
async def test_what_may_have_arrived_counts_and_what_did_not_go_does_not(
    api: httpx.AsyncClient, pool: Pool, status: str, is_left_out: bool
) -> None:
    scheduled = await schedule(api, ["ada@example.com"])
    await execute(
        pool,
        "UPDATE emails SET status = %s::email_status, claimed_at = now(),"
        " claim_token = CASE WHEN %s = 'SENDING' THEN gen_random_uuid() END WHERE campaign_id = %s",
        *(status, status, scheduled["campaign"]["id"]),
    )
    asked = TEXT | {"recipients": PEOPLE, "notIfWrittenToDays": 1}
    told = (await api.post("/api/campaigns/preview", json=asked)).json()
    assert told["earlier"] == is_left_out


async def test_the_recipients_of_another_campaign_are_left_out_whatever_became_of_them(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    first = (await schedule(api, ["ada@example.com"], name="Spring news"))["campaign"]["id"]
    second = await written(api, pool, ["BOB@example.com"], "Winter " + "n" * 90, ago="400 days")
    await schedule(api, ["cy@example.com"])
    told = await both(api, TEXT | {"recipients": PEOPLE, "notInCampaigns": [first, second]})
    assert [(each["row"], each["reason"]) for each in told["earlierRows"]] == [
        (1, "is in “Spring news”"),
        (2, f"written to on {day(400)} in “Winter {'n' * 52}…”"),
    ]
    assert (told["accepted"], told["earlier"]) == (2, 2)


async def test_emails_from_before_there_were_digests_are_found(api: httpx.AsyncClient, pool: Pool) -> None:
    await written(api, pool, ["Ada@example.com"], "Old")
    await execute(pool, "UPDATE emails SET recipient_key = NULL")
    told = await both(api, TEXT | {"recipients": ["aDa@example.com", "bob@example.com"], "notIfWrittenToDays": 2})
    assert [each["email"] for each in told["earlierRows"]] == ["aDa@example.com"]


async def test_the_suppressed_are_told_as_such_alone_and_nobody_is_left(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    await written(api, pool, ["ada@example.com", "bob@example.com"], "News")
    async with transaction(pool) as conn:
        await suppress(conn, user.workspace_id, emails=["ada@example.com"], reason="MANUAL")
    told = await both(api, TEXT | {"recipients": PEOPLE, "notIfWrittenToDays": 2})
    assert ([e["email"] for e in told["suppressedRows"]], [e["email"] for e in told["earlierRows"]]) == (
        ["ada@example.com"],
        ["Bob@example.com"],
    )
    response = await api.post("/api/campaigns/preview", json=TEXT | {"recipients": PEOPLE[:2], "notIfWrittenToDays": 2})
    assert wrong_fields(response) == {
        "recipients": "everybody on the list is suppressed or was written to before",
    }
    assert [each["row"] for each in response.json()["rejected"]] == [1, 2]


async def test_who_is_erased_is_in_no_answer_that_is_kept(api: httpx.AsyncClient, pool: Pool) -> None:
    await written(api, pool, ["ada@example.com"], "News")
    asked = TEXT | {"recipients": PEOPLE, "notIfWrittenToDays": 2}
    key = {"Idempotency-Key": "once"}
    first = (await api.post("/api/campaigns/schedule", json=asked, headers=key)).json()
    assert first["earlierRows"][0]["email"] == "ada@example.com"
    exported = (await api.get("/api/recipients/export", params={"email": "ada@example.com"})).json()
    assert [each["email"] for each in exported["rejected"]] == ["ada@example.com"]
    await api.post("/api/recipients/erase", json={"email": "ada@example.com"})
    again = (await api.post("/api/campaigns/schedule", json=asked, headers=key)).json()
    assert again["campaign"]["id"] == first["campaign"]["id"]
    assert again["earlierRows"] == [{"row": 1, "email": "", "reason": "erased"}]


async def test_a_form_and_a_saved_list_leave_them_out_too(api: httpx.AsyncClient, pool: Pool) -> None:
    campaign_id = await written(api, pool, ["ada@example.com"], "News")
    form = TEXT | {"notInCampaigns": json.dumps([campaign_id]), "notIfWrittenToDays": "3"}
    file = {"file": ("list.csv", b"email\nada@example.com\nbob@example.com\n", "text/csv")}
    told = (await api.post("/api/campaigns/preview", data=form, files=file)).json()
    assert [(each["row"], each["email"]) for each in told["earlierRows"]] == [(2, "ada@example.com")]
    list_id = (await api.post("/api/saved-lists", json={"name": "People"})).json()["id"]
    await api.post(f"/api/saved-lists/{list_id}/recipients", json={"recipients": PEOPLE})
    saved = TEXT | {"savedListId": list_id, "notIfWrittenToDays": 3}
    told = (await api.post("/api/campaigns/schedule", json=saved)).json()
    assert (told["accepted"], told["earlier"]) == (3, 1)


async def test_with_a_zone_of_each_recipient_the_others_keep_theirs(api: httpx.AsyncClient, pool: Pool) -> None:
    await written(api, pool, ["ada@example.com"], "News")
    zones = ["Asia/Tokyo", "Europe/Berlin", "America/New_York"]
    people = [{"email": email, "tz": zone} for email, zone in zip(PEOPLE, zones, strict=False)]
    calendar = {"timezone": "recipient", "days": list(DAYS), "from": "00:00", "to": "23:59"}
    calendar["fallbackTimezone"] = "UTC"
    told = await both(api, TEXT | {"recipients": people, "calendar": calendar, "notIfWrittenToDays": 3})
    zone = "SELECT zone FROM emails WHERE campaign_id = %s AND recipient = %s"
    for email, its in zip(PEOPLE[1:], zones[1:], strict=False):
        assert await value(pool, zone, told["campaign"]["id"], email) == its


async def test_campaigns_of_another_workspace_are_not_there_and_their_emails_do_not_count(
    api: httpx.AsyncClient, pool: Pool, stranger: Headers
) -> None:
    campaign_id = await written(api, pool, ["ada@example.com"], "News")
    asked = TEXT | {"recipients": PEOPLE, "notInCampaigns": [campaign_id]}
    response = await api.post("/api/campaigns/preview", json=asked, headers=stranger)
    assert wrong_fields(response) == {"notInCampaigns": f"there is no campaign {campaign_id}"}
    asked = TEXT | {"recipients": PEOPLE, "notIfWrittenToDays": 9}
    told = (await api.post("/api/campaigns/preview", json=asked, headers=stranger)).json()
    assert (told["accepted"], told["earlier"]) == (4, 0)


async def test_a_campaign_whose_emails_are_gone_is_refused_instead_of_leaving_nobody_out(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    deleted = await written(api, pool, ["ada@example.com"], "Deleted")
    aged = await written(api, pool, ["bob@example.com"], "Aged")
    await execute(pool, "UPDATE campaigns SET status = 'FINISHED', finished_at = now()")
    assert (await api.delete(f"/api/campaigns/{deleted}")).status_code == 204
    await execute(pool, "UPDATE campaigns SET emails_removed_at = now() WHERE id = %s", aged)
    for campaign_id, why in (
        (deleted, f"there is no campaign {deleted}"),
        (aged, f"the emails of campaign {aged} are removed for their age: nobody knows any more to whom they went"),
    ):
        asked = TEXT | {"recipients": PEOPLE, "notInCampaigns": [campaign_id]}
        for path in ("preview", "schedule"):
            assert wrong_fields(await api.post(f"/api/campaigns/{path}", json=asked)) == {"notInCampaigns": why}
    assert await value(pool, "SELECT count(*) FROM campaigns") == 2


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("notIfWrittenToDays", 0),
        ("notIfWrittenToDays", 3_651),
        ("notInCampaigns", []),
        ("notInCampaigns", list(range(1, 52))),
        ("notInCampaigns", [0]),
        ("notInCampaigns", "1"),
    ],
)
async def test_what_is_out_of_range_is_refused(api: httpx.AsyncClient, field: str, wrong: object) -> None:
    response = await api.post("/api/campaigns/preview", json=TEXT | {"recipients": PEOPLE, field: wrong})
    assert {name.partition("[")[0] for name in wrong_fields(response)} == {field}
