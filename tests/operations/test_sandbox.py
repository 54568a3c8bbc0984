"""GET /api/sandbox/messages: what the sandbox mailbox received, only where it runs."""

from __future__ import annotations

import threading
import time

import httpx
import msgspec
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.operations import sandbox
from app.embedded.mailbox import MessageSummary, ReceivedMessage, summarize
from app.settings import Settings
from tests.support.api import api_client, authorization, problem, schedule
from tests.support.ledger import message_id_of


async def received(pool: Pool, campaign_id: int, recipient: str) -> ReceivedMessage:
    content = (
        f"From: Owner <owner@example.com>\r\nTo: {recipient}\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        f"Message-ID: {await message_id_of(pool, campaign_id)}\r\n\r\nA text.\r\n"
    )
    return ReceivedMessage("owner@example.com", [recipient], content.encode())


async def test_the_html_of_a_message_is_shown_so_that_it_can_do_nothing(
    api: httpx.AsyncClient, pool: Pool, stranger: dict[str, str]
) -> None:
    campaign_id = (await schedule(api))["campaign"]["id"]
    plain = await received(pool, campaign_id, "ada@example.com")
    html = plain.content.replace(b"\r\n\r\nA text.", b"\r\nContent-Type: text/html\r\n\r\n<p style='color: red'>Hi</p>")
    await sandbox.store(pool, plain)
    await sandbox.store(pool, ReceivedMessage("owner@example.com", ["ada@example.com"], html))
    newest, oldest = (await api.get("/api/sandbox/messages")).json()["items"]
    assert (newest["snippet"], oldest["snippet"]) == ("Hi", "A text.")
    whole = (await api.get(f"/api/sandbox/messages/{newest['id']}")).json()
    assert whole | newest == whole | {"snippet": "Hi"}

    shown = await api.get(f"/api/sandbox/messages/{newest['id']}/html")
    assert shown.text == whole["html"] == "<p style='color: red'>Hi</p>\r\n"
    assert shown.headers["content-type"].startswith("text/html")
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "frame-ancestors 'self'" in policy
    # Of a refusal the frame says why.
    refused = await api.get("/api/sandbox/messages/999999/html")
    assert (refused.status_code, refused.headers["content-security-policy"]) == (404, policy)
    assert shown.headers["x-frame-options"] == "SAMEORIGIN"

    problem(await api.get(f"/api/sandbox/messages/{oldest['id']}/html"), 404)
    problem(await api.get(f"/api/sandbox/messages/{newest['id']}/html", headers=stranger), 404)
    problem(await api.get(f"/api/sandbox/messages/{newest['id']}", headers=stranger), 404)


async def test_a_message_is_shown_to_whose_campaign_it_came_from(
    api: httpx.AsyncClient, pool: Pool, stranger: dict[str, str]
) -> None:
    campaign_id = (await schedule(api))["campaign"]["id"]
    for recipient in ("ada@example.com", "bob@example.com"):
        await sandbox.store(pool, await received(pool, campaign_id, recipient))
    page = (await api.get("/api/sandbox/messages", params={"limit": 1})).json()
    (message,) = page["items"]
    assert (message["envelopeFrom"], message["envelopeTo"]) == ("owner@example.com", ["bob@example.com"])
    assert (message["subject"], message["headerFrom"]) == ("Grüße", "Owner <owner@example.com>")
    assert message["snippet"] == "A text."
    page = (await api.get("/api/sandbox/messages", params={"cursor": page["nextCursor"]})).json()
    assert [message["envelopeTo"] for message in page["items"]] == [["ada@example.com"]]
    assert page["nextCursor"] is None
    assert (await api.get("/api/sandbox/messages", headers=stranger)).json()["items"] == []


async def test_an_answer_in_the_sandbox_is_recorded_and_stops_what_follows(
    api: httpx.AsyncClient, pool: Pool, stranger: dict[str, str]
) -> None:
    steps = [{"wait": "P3D", "body": "Did you see it?"}]
    campaign_id = (await schedule(api, steps=steps))["campaign"]["id"]
    async with pool.connection() as conn:
        await conn.execute(b"UPDATE emails SET status = 'SENT', sent_at = now(), follow_at = now() + interval '3 d'")
        await conn.execute(b"UPDATE streams SET scheduled = 0, sent = 1 WHERE total > 0")
    await sandbox.store(pool, await received(pool, campaign_id, "ada@example.com"))
    (message,) = (await api.get("/api/sandbox/messages")).json()["items"]
    path = f"/api/sandbox/messages/{message['id']}/reply"
    problem(await api.post(path, json={}, headers=stranger), 404)
    problem(await api.post(path, json={"text": ""}), 422)

    replied = await api.post(path, json={"text": "Yes, call me."})
    assert replied.status_code == 201, replied.text
    told = replied.json()
    assert told == {"kind": "REPLY", "recipient": "ada@example.com", "campaignId": campaign_id} | {
        "emailId": told["emailId"]
    }
    (response,) = (await api.get("/api/responses")).json()["items"]
    assert (response["kind"], response["emailId"], response["writer"]) == ("REPLY", told["emailId"], "ada@example.com")
    email = (await api.get(f"/api/emails/{told['emailId']}")).json()
    assert (email["followAt"], email["stopped"]) == (None, "REPLIED")
    campaign = (await api.get(f"/api/campaigns/{campaign_id}")).json()
    assert (campaign["status"], campaign["following"], campaign["responses"]["replied"]) == ("FINISHED", 0, 1)

    # "Stop" is what it is in every mailbox.
    assert (await api.post(path, json={"text": "stop"})).json()["kind"] == "UNSUBSCRIBE"
    assert (await api.get("/api/suppressions")).json()["items"][0]["email"] == "ada@example.com"
    async with pool.connection() as conn:
        await conn.execute(b"UPDATE sandbox_messages SET content = 'Subject: of nobody'")
    problem(await api.post(path, json={}), 409)


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
    await sandbox.store(pool, await received(pool, campaign_id, "ada@example.com"))
    threads: list[threading.Thread] = []

    def watched(content: bytes) -> MessageSummary:
        threads.append(threading.current_thread())
        return summarize(content)

    monkeypatch.setattr(sandbox, "summarize", watched)
    (message,) = (await api.get("/api/sandbox/messages")).json()["items"]
    await api.get(f"/api/sandbox/messages/{message['id']}")
    assert len(threads) == 2
    assert threading.main_thread() not in threads


async def test_a_list_has_no_messages_in_it_and_looks_at_their_beginnings_only(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = (await schedule(api))["campaign"]["id"]
    short = await received(pool, campaign_id, "ada@example.com")
    long = ReceivedMessage("owner@example.com", ["ada@example.com"], short.content + b"words " * 100_000)
    await sandbox.store(pool, long)
    looked_at: list[int] = []

    def watched(content: bytes) -> MessageSummary:
        looked_at.append(len(content))
        return summarize(content)

    monkeypatch.setattr(sandbox, "summarize", watched)
    answer = await api.get("/api/sandbox/messages")
    assert looked_at == [sandbox.BEGINNING]
    assert len(answer.content) < 1_000
    (message,) = answer.json()["items"]
    assert message.keys().isdisjoint({"raw", "text", "html"})
    assert message["snippet"].startswith("A text. words words")


@pytest.mark.parametrize(
    "header",
    [
        "Subject: %s",
        "Subject: =?utf-8?q?%s",
        "From: %s",
        "To: %s <a@example.com>",
        "Content-Type: text/plain; %s",
        "Date: %s",
    ],
)
def test_a_header_of_any_length_is_read_in_no_time(header: str) -> None:
    """The standard library takes the square of its length: half a minute for what is sent in a few seconds."""
    content = (header % ("word " * 240_000)).encode() + b"\r\n\r\nA text.\r\n"
    began = time.process_time()
    summarize(content)
    assert time.process_time() - began < 3


async def test_messages_are_found_by_recipient_and_removed_up_to_the_last_that_was_seen(
    api: httpx.AsyncClient, pool: Pool, stranger: dict[str, str]
) -> None:
    campaign_id = (await schedule(api))["campaign"]["id"]
    for name in ("ada", "bob_1", "bobx1"):
        await sandbox.store(pool, await received(pool, campaign_id, f"{name}@example.com"))

    async def found(**query: str) -> list[str]:
        items = (await api.get("/api/sandbox/messages", params=query)).json()["items"]
        return [message["envelopeTo"][0] for message in items]

    assert await found(q="BOB_1") == ["bob_1@example.com"]
    assert await found(q="") == await found()
    assert "NUL" in problem(await api.get("/api/sandbox/messages?q=%00"), 422)["detail"]

    newest, middle, _ = (await api.get("/api/sandbox/messages")).json()["items"]
    removed = await api.delete("/api/sandbox/messages", params={"last": middle["id"]}, headers=stranger)
    assert removed.status_code == 204  # nothing of theirs
    assert len(await found()) == 3
    problem(await api.delete("/api/sandbox/messages"), 400)
    await api.delete("/api/sandbox/messages", params={"last": middle["id"]})
    await api.delete("/api/sandbox/messages", params={"last": middle["id"]})  # nothing is there any more
    noted = [entry for entry in (await api.get("/api/audit")).json()["items"] if entry["action"] == "sandbox.cleared"]
    assert [entry["subject"] for entry in noted] == [f"sandbox/messages, up to {middle['id']}"]
    assert await found() == [newest["envelopeTo"][0]]
    assert (await api.get(f"/api/campaigns/{campaign_id}")).json()["total"] > 0
