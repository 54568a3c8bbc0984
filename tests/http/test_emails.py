"""/api/emails: found, read with their attempts, decided on."""

from __future__ import annotations

import httpx
import pytest

from app.db import Pool
from tests.support.api import problem, schedule, wrong_fields


async def one_email(api: httpx.AsyncClient) -> int:
    await schedule(api)
    return (await api.get("/api/emails")).json()["items"][0]["id"]


async def end_as(pool: Pool, email_id: int, status: str) -> None:
    """What a worker leaves behind: a final status, an attempt, the campaign's counts."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("UPDATE emails SET status = %s, attempts = 1 WHERE id = %s", (status, email_id))
        await conn.execute(
            "INSERT INTO attempts (user_id, email_id, number, outcome, claimed_at, command, code, enhanced_code, reply)"
            " SELECT user_id, id, 1, 'REJECTED', now(), 'RCPT', 550, '5.1.1', 'No such user' FROM emails WHERE id = %s",
            (email_id,),
        )
        await conn.execute(
            "UPDATE campaigns SET scheduled = 0, failed = (%(status)s = 'FAILED')::int, "
            "unknown = (%(status)s = 'UNKNOWN')::int, status = 'FINISHED', finished_at = now()",
            {"status": status},
        )


async def test_an_email_is_found_by_each_filter(api: httpx.AsyncClient) -> None:
    first = (await schedule(api, ["ada@example.com", "bob@example.com"]))["campaign"]
    other = (await api.post("/api/senders", json={"email": "other@example.com"})).json()["id"]
    second = (await schedule(api, ["a_a@example.com", "ada@example.org"], senderId=other))["campaign"]
    await api.post(f"/api/campaigns/{second['id']}/cancel")
    for wanted, expected in (
        ({"campaignId": first["id"]}, ["bob@example.com", "ada@example.com"]),
        ({"senderId": other}, ["ada@example.org", "a_a@example.com"]),
        ({"status": "SCHEDULED"}, ["bob@example.com", "ada@example.com"]),
        ({"q": "ADA@"}, ["ada@example.org", "ada@example.com"]),
        ({"q": "a_a"}, ["a_a@example.com"]),
        ({"q": "%"}, []),
        ({"q": "ada", "status": "CANCELLED"}, ["ada@example.org"]),
        ({"campaignId": 2**63 - 1}, []),
    ):
        page = (await api.get("/api/emails", params=wanted)).json()
        assert [email["recipient"] for email in page["items"]] == expected


async def test_the_list_is_paged_newest_first(api: httpx.AsyncClient) -> None:
    await schedule(api, [f"user{n}@example.com" for n in range(5)])
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.get("/api/emails", params={"limit": 2} | cursor)).json()
        seen += [email["recipient"] for email in page["items"]]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen == [f"user{n}@example.com" for n in reversed(range(5))]


async def test_a_wrong_parameter_is_named(api: httpx.AsyncClient) -> None:
    for name, value in [
        ("status", "sent"),
        ("campaignId", "x"),
        ("campaignId", str(2**63)),
        ("senderId", "0"),
        ("limit", "501"),
        ("cursor", "-1"),
        ("q", "a\0b"),
    ]:
        assert list(wrong_fields(await api.get("/api/emails", params={name: value}))) == [name]


async def test_a_search_for_what_is_no_text_finds_nothing(api: httpx.AsyncClient) -> None:
    await schedule(api)
    for q in ["%ff", "%ED%A0%80"]:
        assert (await api.get(f"/api/emails?q={q}")).json()["items"] == []


async def test_an_email_is_read_with_every_attempt(api: httpx.AsyncClient, pool: Pool) -> None:
    email_id = await one_email(api)
    await end_as(pool, email_id, "FAILED")
    email = (await api.get(f"/api/emails/{email_id}")).json()
    assert (email["status"], email["recipient"], email["subject"]) == ("FAILED", "ada@example.com", "Hello")
    (attempt,) = email["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["command"]) == (1, "REJECTED", "RCPT")
    assert (attempt["code"], attempt["enhancedCode"], attempt["reply"]) == (550, "5.1.1", "No such user")


async def test_a_failed_email_can_be_sent_again(api: httpx.AsyncClient, pool: Pool) -> None:
    email_id = await one_email(api)
    await end_as(pool, email_id, "FAILED")
    response = await api.post(f"/api/emails/{email_id}/retry")
    assert (response.status_code, response.json()["status"]) == (200, "SCHEDULED")
    (campaign,) = (await api.get("/api/campaigns")).json()["items"]
    assert (campaign["status"], campaign["counts"]["SCHEDULED"], campaign["counts"]["FAILED"]) == ("ACTIVE", 1, 0)


@pytest.mark.parametrize(("decision", "status"), [("sent", "SENT"), ("resend", "SCHEDULED")])
async def test_a_person_decides_on_an_email_in_doubt(
    api: httpx.AsyncClient, pool: Pool, decision: str, status: str
) -> None:
    email_id = await one_email(api)
    await end_as(pool, email_id, "UNKNOWN")
    response = await api.post(f"/api/emails/{email_id}/resolve", json={"as": decision})
    assert (response.status_code, response.json()["status"]) == (200, status)
    (campaign,) = (await api.get("/api/campaigns")).json()["items"]
    assert (campaign["counts"][status], campaign["counts"]["UNKNOWN"]) == (1, 0)


async def test_a_decision_is_for_the_status_it_was_made_for(api: httpx.AsyncClient, pool: Pool) -> None:
    email_id = await one_email(api)
    problem(await api.post(f"/api/emails/{email_id}/retry"), 409)
    problem(await api.post(f"/api/emails/{email_id}/resolve", json={"as": "sent"}), 409)
    await end_as(pool, email_id, "UNKNOWN")
    problem(await api.post(f"/api/emails/{email_id}/retry"), 409)


async def test_a_wrong_decision_is_named_and_changes_nothing(api: httpx.AsyncClient, pool: Pool) -> None:
    email_id = await one_email(api)
    await end_as(pool, email_id, "UNKNOWN")
    for body, field in [({}, "as"), ({"as": "lost"}, "as"), ({"as": "sent", "why": "x"}, "why"), ([], "request")]:
        assert list(wrong_fields(await api.post(f"/api/emails/{email_id}/resolve", json=body))) == [field]
    assert (await api.get(f"/api/emails/{email_id}")).json()["status"] == "UNKNOWN"
