"""GET /api/sandbox/messages: what the sandbox mailbox received, only where it runs."""

from __future__ import annotations

import threading

import httpx
import msgspec
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.operations import sandbox
from app.embedded.mailbox import MessageSummary, ReceivedMessage, summarize
from app.settings import Settings
from tests.support.api import api_client, authorization, problem, schedule


def received(campaign_id: int, recipient: str) -> ReceivedMessage:
    content = (
        f"From: Owner <owner@example.com>\r\nTo: {recipient}\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        f"Message-ID: <1.{campaign_id}.reachinbox@example.com>\r\n\r\nA text.\r\n"
    )
    return ReceivedMessage("owner@example.com", [recipient], content.encode())


async def test_the_html_of_a_message_is_shown_so_that_it_can_do_nothing(
    api: httpx.AsyncClient, pool: Pool, stranger: dict[str, str]
) -> None:
    campaign_id = (await schedule(api))["campaign"]["id"]
    plain = received(campaign_id, "ada@example.com")
    html = plain.content.replace(b"\r\n\r\nA text.", b"\r\nContent-Type: text/html\r\n\r\n<p style='color: red'>Hi</p>")
    await sandbox.store(pool, plain)
    await sandbox.store(pool, ReceivedMessage("owner@example.com", ["ada@example.com"], html))
    newest, oldest = (await api.get("/api/sandbox/messages")).json()["items"]
    assert (await api.get(f"/api/sandbox/messages/{newest['id']}")).json() == newest

    shown = await api.get(f"/api/sandbox/messages/{newest['id']}/html")
    assert shown.text == newest["html"] == "<p style='color: red'>Hi</p>\r\n"
    assert shown.headers["content-type"].startswith("text/html")
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "frame-ancestors 'self'" in policy
    assert shown.headers["x-frame-options"] == "SAMEORIGIN"

    problem(await api.get(f"/api/sandbox/messages/{oldest['id']}/html"), 404)
    problem(await api.get(f"/api/sandbox/messages/{newest['id']}/html", headers=stranger), 404)
    problem(await api.get(f"/api/sandbox/messages/{newest['id']}", headers=stranger), 404)


async def test_a_message_is_shown_to_whose_campaign_it_came_from(
    api: httpx.AsyncClient, pool: Pool, stranger: dict[str, str]
) -> None:
    campaign_id = (await schedule(api))["campaign"]["id"]
    for recipient in ("ada@example.com", "bob@example.com"):
        await sandbox.store(pool, received(campaign_id, recipient))
    page = (await api.get("/api/sandbox/messages", params={"limit": 1})).json()
    (message,) = page["items"]
    assert (message["envelopeFrom"], message["envelopeTo"]) == ("owner@example.com", ["bob@example.com"])
    assert (message["subject"], message["headerFrom"]) == ("Grüße", "Owner <owner@example.com>")
    assert "A text." in message["text"]
    page = (await api.get("/api/sandbox/messages", params={"cursor": page["nextCursor"]})).json()
    assert [message["envelopeTo"] for message in page["items"]] == [["ada@example.com"]]
    assert page["nextCursor"] is None
    assert (await api.get("/api/sandbox/messages", headers=stranger)).json()["items"] == []


async def test_where_a_real_server_is_set_there_is_no_sandbox(
    settings: Settings, database_url: str, pool: Pool, user: User
) -> None:
    real = msgspec.structs.replace(settings, smtp_host="smtp.example.com")
    async with api_client(real, database_url, await authorization(pool, user)) as api:
        problem(await api.get("/api/sandbox/messages"), 404)


async def test_messages_are_parsed_beside_the_event_loop(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = (await schedule(api))["campaign"]["id"]
    await sandbox.store(pool, received(campaign_id, "ada@example.com"))
    threads: list[threading.Thread] = []

    def watched(content: bytes) -> MessageSummary:
        threads.append(threading.current_thread())
        return summarize(content)

    monkeypatch.setattr(sandbox, "summarize", watched)
    (message,) = (await api.get("/api/sandbox/messages")).json()["items"]
    await api.get(f"/api/sandbox/messages/{message['id']}")
    assert len(threads) == 2
    assert threading.main_thread() not in threads


async def test_a_page_of_large_messages_ends_early_and_the_next_goes_on(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = (await schedule(api))["campaign"]["id"]
    for number in range(5):
        await sandbox.store(pool, received(campaign_id, f"r{number}@example.com"))
    monkeypatch.setattr(sandbox, "PAGE_BYTES", 1)
    pages: list[list[str]] = []
    cursor = None
    while cursor is not None or not pages:
        params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/api/sandbox/messages", params=params)).json()
        pages.append([message["envelopeTo"][0] for message in page["items"]])
        cursor = page["nextCursor"]
    assert pages == [[f"r{number}@example.com"] for number in (4, 3, 2, 1, 0)]
