"""/api/senders: mailboxes with their servers, flat on the wire."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from app.db import Pool, fetch_exactly_one
from app.domain.senders import for_workers, verification
from app.domain.senders.senders import password_place
from app.secrets import SecretBox
from app.sql import read
from tests.support.api import Headers, problem, schedule, written, wrong_fields
from tests.support.engine import execute, value, wait_for

MAILBOX: dict[str, Any] = {
    "email": "sales@example.com",
    "displayName": "Sales",
    "host": "smtp.example.com",
    "port": 465,
    "security": "tls",
    "username": "sales",
    "password": "hunter2",
    "hourlyLimit": 50,
    "maxConnections": 2,
}


async def create(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await api.post("/api/senders", json=MAILBOX | fields)
    assert response.status_code == 201, response.text
    return response.json()


async def password(pool: Pool, box: SecretBox, sender_id: int) -> str | None:
    async with pool.connection() as conn:
        row = await fetch_exactly_one(conn, read("senders/for_workers")["sender_for_worker"], {"sender_id": sender_id})
    return row["password_encrypted"] and box.open(row["password_encrypted"], password_place(sender_id))


async def test_a_password_goes_in_and_never_comes_out(api: httpx.AsyncClient, pool: Pool, box: SecretBox) -> None:
    sender = await create(api)
    assert sender["hasPassword"] is True
    assert {name: sender[name] for name in MAILBOX if name != "password"} == {
        name: value for name, value in MAILBOX.items() if name != "password"
    }
    for response in (await api.get(f"/api/senders/{sender['id']}"), await api.get("/api/senders")):
        assert "hunter2" not in response.text
    assert await password(pool, box, sender["id"]) == "hunter2"


async def test_what_a_sender_sent_before_it_got_a_server_stays_the_sandboxs(api: httpx.AsyncClient) -> None:
    """A campaign of then does not become one that reached people (UX.md, 2.1)."""
    sender = (await api.post("/api/senders", json={"email": "sales@example.com"})).json()
    assert sender["sandboxUntil"] is None
    server = {"host": "smtp.example.com", "port": 465, "security": "tls", "username": "sales", "password": "x"}
    changed = (await api.patch(f"/api/senders/{sender['id']}", json=server)).json()
    assert changed["sandboxUntil"] is not None
    again = (await api.patch(f"/api/senders/{sender['id']}", json={"host": "mail.example.com", "password": "x"})).json()
    assert again["sandboxUntil"] == changed["sandboxUntil"]
    other = await create(api)
    for change in ({"host": "mail.example.com", "password": "x"}, {"host": None}, server):
        assert other["sandboxUntil"] is None  # what it sent had gone out
        other = (await api.patch(f"/api/senders/{other['id']}", json=change)).json()
    assert other["sandboxUntil"] is None


async def test_a_sender_needs_no_more_than_an_address(api: httpx.AsyncClient) -> None:
    response = await api.post("/api/senders", json={"email": "sales@example.com"})
    sender = response.json()
    assert response.status_code == 201
    assert (sender["host"], sender["port"], sender["security"], sender["hasPassword"]) == (None, None, None, False)
    assert (sender["hourlyLimit"], sender["isDefault"]) == (100, False)


async def test_the_port_follows_from_the_security(api: httpx.AsyncClient) -> None:
    for security, port in [(None, 587), ("starttls", 587), ("tls", 465), ("none", 25)]:
        sender = await create(api, port=None, security=security, username=None, password=None)
        assert (sender["port"], sender["security"]) == (port, security or "starttls")


async def test_a_wrong_field_is_named_and_nothing_is_written(api: httpx.AsyncClient, pool: Pool) -> None:
    sender = await create(api)
    url = f"/api/senders/{sender['id']}"
    before = await written(pool)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"email": "nobody"}, "email"),
        ({"email": "a\0@example.com"}, "email"),
        ({"email": None}, "email"),
        ({"displayName": "two\nlines"}, "displayName"),
        ({"displayName": "a\0b"}, "displayName"),
        ({"host": "not a host"}, "host"),
        ({"host": "a\0b"}, "host"),
        ({"port": 0}, "port"),
        ({"port": 2**40}, "port"),
        ({"port": 22}, "port"),
        ({"host": "10.0.0.5"}, "host"),
        ({"host": "2130706433"}, "host"),
        ({"host": "::ffff:127.0.0.1"}, "host"),
        ({"security": "ssl"}, "security"),
        ({"security": "none"}, "security"),  # with a login
        ({"username": "a\0b", "password": "x"}, "username"),
        ({"username": None}, "username"),
        ({"password": "a\0b"}, "password"),
        ({"password": None}, "password"),
        ({"hourlyLimit": 0}, "hourlyLimit"),
        ({"hourlyLimit": 2**31}, "hourlyLimit"),
        ({"maxConnections": 2**31}, "maxConnections"),
        ({"isDefault": True}, "isDefault"),
    ]
    for fields, field in cases:
        assert list(wrong_fields(await api.post("/api/senders", json=MAILBOX | fields))) == [field]
        if fields not in ({"username": None}, {"password": None}):  # they only go together; a change takes the first
            assert list(wrong_fields(await api.patch(url, json=fields))) == [field]
    assert await written(pool) == before
    assert (await api.get(url)).json() == sender


async def test_what_describes_a_server_goes_with_a_host(api: httpx.AsyncClient) -> None:
    for field in ("port", "security", "username", "password"):
        body = {"email": "sales@example.com", field: MAILBOX[field]}
        assert list(wrong_fields(await api.post("/api/senders", json=body))) == [field]
        assert list(wrong_fields(await api.patch("/api/senders/1", json={field: MAILBOX[field]}))) == [field]


async def test_a_change_leaves_the_rest_as_it_is(api: httpx.AsyncClient, pool: Pool, box: SecretBox) -> None:
    sender = await create(api)
    url = f"/api/senders/{sender['id']}"
    for change in ({"port": 2525}, {"security": "starttls"}, {"displayName": "Sale"}, {"hourlyLimit": 60}, {}):
        response = await api.patch(url, json=change)
        assert response.status_code == 200, response.text
        sender |= change | {"leftThisHour": change.get("hourlyLimit", sender["leftThisHour"])}
        assert response.json() == sender
        assert await password(pool, box, sender["id"]) == "hunter2"


async def test_a_stored_password_is_shown_to_no_other_server_and_to_none_in_the_clear(api: httpx.AsyncClient) -> None:
    sender = await create(api)
    url = f"/api/senders/{sender['id']}"
    elsewhere = {"host": "other.example.com"}
    assert list(wrong_fields(await api.patch(url, json=elsewhere))) == ["password"]
    assert list(wrong_fields(await api.patch(url, json={"security": "none"}))) == ["security"]
    assert (await api.get(url)).json() == sender
    assert (await api.patch(url, json=elsewhere | {"password": "typed again"})).status_code == 200


async def test_a_login_can_be_changed_and_removed(api: httpx.AsyncClient, pool: Pool, box: SecretBox) -> None:
    sender_id = (await create(api))["id"]
    url = f"/api/senders/{sender_id}"
    assert (await api.patch(url, json={"password": "correct horse"})).json()["username"] == "sales"
    assert await password(pool, box, sender_id) == "correct horse"
    assert list(wrong_fields(await api.patch(url, json={"username": "other"}))) == ["password"]
    changed = await api.patch(url, json={"username": "other", "password": "battery staple"})
    assert changed.json()["username"] == "other"
    assert await password(pool, box, sender_id) == "battery staple"
    removed = (await api.patch(url, json={"username": None})).json()
    assert (removed["username"], removed["hasPassword"], removed["host"]) == (None, False, "smtp.example.com")


async def test_without_a_host_it_goes_back_to_the_fallback_server(api: httpx.AsyncClient) -> None:
    url = f"/api/senders/{(await create(api))['id']}"
    assert list(wrong_fields(await api.patch(url, json={"host": None, "port": 25}))) == ["port"]
    sender = (await api.patch(url, json={"host": None})).json()
    assert [sender[name] for name in ("host", "port", "security", "username")] == [None] * 4
    assert sender["hasPassword"] is False
    again = (await api.patch(url, json={"host": "smtp.example.org"})).json()
    assert (again["host"], again["port"], again["security"]) == ("smtp.example.org", 587, "starttls")


async def test_a_sender_without_campaigns_can_be_deleted(api: httpx.AsyncClient) -> None:
    url = f"/api/senders/{(await create(api))['id']}"
    response = await api.delete(url)
    assert (response.status_code, response.content) == (204, b"")
    problem(await api.get(url), 404)


async def test_a_sender_that_is_needed_cannot_be_deleted(api: httpx.AsyncClient) -> None:
    sender = await create(api)
    await schedule(api, senderId=sender["id"])
    problem(await api.delete(f"/api/senders/{sender['id']}"), 409)
    problem(await api.delete("/api/senders/1"), 409)  # the default sender
    assert len((await api.get("/api/senders")).json()["items"]) == 2


async def test_the_list_is_paged_oldest_first(api: httpx.AsyncClient) -> None:
    expected = ["owner@example.com"] + [(await create(api, email=f"box{n}@example.com"))["email"] for n in range(3)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.get("/api/senders", params={"limit": 2} | cursor)).json()
        seen += [sender["email"] for sender in page["items"]]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen == expected


@pytest.mark.parametrize("error", [None, "535 5.7.8 Authentication failed"])
async def test_a_verification_answers_what_the_worker_found(
    api: httpx.AsyncClient, pool: Pool, error: str | None
) -> None:
    sender_id = (await create(api))["id"]

    async def work() -> None:
        """As the worker does, once it has the job."""
        while True:
            async with pool.connection() as conn:
                asked = b"SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'verify_sender')"
                if (await fetch_exactly_one(conn, asked))["exists"]:
                    row = await for_workers.load_sender(pool, sender_id)
                    assert row
                    await for_workers.record_verification(pool, sender_id, row["verify_requested_at"], error, None)
                    return
            await asyncio.sleep(0.01)

    response, _ = await asyncio.gather(api.post(f"/api/senders/{sender_id}/verify"), work())
    assert response.status_code == 200, response.text
    assert (response.json()["ok"], response.json()["error"]) == (error is None, error)
    assert (await api.get(f"/api/senders/{sender_id}")).json()["verifyError"] == error


@pytest.mark.parametrize(
    "another",
    [
        {"host": "smtp.other.example", "password": "hunter3"},
        {"password": "hunter3"},
        {"imap": {"host": "imap.example.com"}, "password": "hunter2"},
    ],
)
async def test_a_verification_speaks_for_the_servers_that_it_was_of(
    api: httpx.AsyncClient, pool: Pool, another: dict[str, Any]
) -> None:
    sender_id = (await create(api))["id"]

    async def asked() -> dict[str, Any] | None:
        row = await for_workers.load_sender(pool, sender_id)
        return row if row and row["verify_requested_at"] else None

    async def verified() -> str | None:
        return (await api.get(f"/api/senders/{sender_id}")).json()["verifiedAt"]

    running = asyncio.create_task(api.post(f"/api/senders/{sender_id}/verify"))
    found = await wait_for(asked, "the check to be asked for")
    assert (await api.patch(f"/api/senders/{sender_id}", json=another)).status_code == 200
    await for_workers.record_verification(pool, sender_id, found["verify_requested_at"], None, None)  # of before
    assert problem(await running, 409)["detail"].startswith("the sender's servers were changed")
    assert await verified() is None
    running = asyncio.create_task(api.post(f"/api/senders/{sender_id}/verify"))
    found = await wait_for(asked, "the check to be asked for")
    await for_workers.record_verification(pool, sender_id, found["verify_requested_at"], None, None)
    assert (await running).json()["ok"]
    # What is said again as it was changes nothing, nor what has no server in it.
    same = {"displayName": "Sales again", "port": 465, "security": "tls"}
    assert (await api.patch(f"/api/senders/{sender_id}", json=same)).status_code == 200
    assert await verified() is not None
    assert (await api.patch(f"/api/senders/{sender_id}", json={"port": 587, "security": "starttls"})).status_code == 200
    assert await verified() is None


async def test_without_a_worker_a_verification_is_unavailable(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "VERIFY_TIMEOUT_S", 0.0)
    problem(await api.post("/api/senders/1/verify"), 503)


async def test_one_sender_of_a_workspace_is_checked_at_a_time(
    api: httpx.AsyncClient, pool: Pool, stranger: Headers
) -> None:
    """Finding 12: sixteen checks at once of servers that are silent kept everybody else's waiting."""
    first, second = [(await create(api, email=f"box{n}@example.com"))["id"] for n in range(2)]
    other = (await api.get("/api/senders", headers=stranger)).json()["items"][0]["id"]

    async def asked(sender_id: int) -> dict[str, Any] | None:
        row = await for_workers.load_sender(pool, sender_id)
        return row if row and row["verify_requested_at"] else None

    async def answer(sender_id: int) -> None:
        """As a worker does."""
        row = await wait_for(lambda: asked(sender_id), "the check to be asked for")
        await for_workers.record_verification(pool, sender_id, row["verify_requested_at"], None, None)

    running = asyncio.create_task(api.post(f"/api/senders/{first}/verify"))
    await wait_for(lambda: asked(first), "the check to be asked for")
    for sender_id in (first, second):
        refused = await api.post(f"/api/senders/{sender_id}/verify")
        assert problem(refused, 409)["type"] == "urn:reachinbox:problem:check_runs"
        assert refused.headers["retry-after"] == "15"
    of_others, _ = await asyncio.gather(api.post(f"/api/senders/{other}/verify", headers=stranger), answer(other))
    assert of_others.status_code == 200
    await answer(first)
    assert (await running).status_code == 200
    again, _ = await asyncio.gather(api.post(f"/api/senders/{second}/verify"), answer(second))
    assert again.status_code == 200


async def test_a_check_that_nobody_waits_for_any_more_holds_up_no_other(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await execute(pool, "UPDATE senders SET verify_requested_at = now() - interval '61 seconds'")
    sender_id = (await create(api))["id"]
    monkeypatch.setattr(verification, "VERIFY_POLL_S", 0.0)
    monkeypatch.setattr(verification, "VERIFY_TIMEOUT_S", 0.2)
    problem(await api.post(f"/api/senders/{sender_id}/verify"), 503)  # no worker is there
    assert await value(pool, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'verify_sender'") == 1
