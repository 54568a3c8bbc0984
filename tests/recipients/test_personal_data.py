"""/api/recipients: one person's data over all campaigns, handed out and erased."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest
from psycopg.errors import CheckViolation
from psycopg.types.json import Jsonb

from app.db import Pool
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User
from app.domain.operations import sandbox
from app.domain.recipients import stored_lists
from app.domain.recipients.erasure import ERASED
from app.domain.workspaces import keys
from app.embedded.mailbox import ReceivedMessage
from tests.support.api import Headers, problem, schedule, wrong_fields
from tests.support.engine import check_conservation, execute, row, rows, value
from tests.support.ledger import message_id_of
from tests.support.waiting import BOUND_S

ADA = "Ada@example.com"


async def everywhere(pool: Pool, text: str) -> list[str]:
    """The tables that hold the text in whatever case, or as it is within bytes."""
    found = await rows(pool, "SELECT table_name AS t FROM information_schema.tables WHERE table_schema = 'public'")
    count = "SELECT count(*) FROM {} x WHERE x::text ILIKE %s OR x::text LIKE %s"
    anywhere = f"%{text}%", f"%{text.encode().hex()}%"
    return sorted([r["t"] for r in found if await value(pool, count.format(r["t"]), *anywhere)])


async def erase(api: httpx.AsyncClient, email: str = ADA, **headers: Any) -> dict[str, int]:
    response = await api.post("/api/recipients/erase", json={"email": email}, **headers)
    assert response.status_code == 200, response.text
    return response.json()


async def settle(pool: Pool, recipient: str, campaign_id: int, status: str) -> int:
    """Leave what a worker would: a final status, an attempt that quotes the address, the counts."""
    email_id = await value(
        pool, "SELECT id FROM emails WHERE recipient = %s AND campaign_id = %s", recipient, campaign_id
    )
    await execute(
        pool,
        "UPDATE emails SET status = %s, attempts = 1, sent_at = CASE WHEN %s = 'SENT' THEN now() END WHERE id = %s",
        *(status, status, email_id),
    )
    await execute(
        pool,
        "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, code, reply)"
        " SELECT workspace_id, id, 1, 'REJECTED', now(), 550, '<' || recipient || '> unknown' FROM emails"
        " WHERE id = %s",
        email_id,
    )
    await execute(
        pool,
        f"UPDATE streams SET scheduled = scheduled - 1, {status.lower()} = {status.lower()} + 1 WHERE campaign_id = %s",  # noqa: S608
        campaign_id,
    )
    return email_id


async def test_the_export_has_all_campaigns_fields_and_attempts(api: httpx.AsyncClient, pool: Pool) -> None:
    one = await schedule(api, [{"email": ADA, "name": "Ada"}, "bob@example.com"], name="One")  # pyright: ignore
    await schedule(api, ["ada@example.com"], name="Two", body="Another text.")
    await schedule(api, ["cada@example.com", "ada@example.community"], name="Not hers")
    await settle(pool, ADA, one["campaign"]["id"], "FAILED")
    response = await api.get("/api/recipients/export", params={"email": "ADA@example.COM"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    assert found["email"] == "ADA@example.com"
    first, second = found["emails"]
    assert (first["recipient"], first["fields"], first["status"]) == (ADA, {"name": "Ada"}, "FAILED")
    assert (first["campaign"]["name"], first["campaign"]["sender"]) == ("One", "owner@example.com")
    assert [(a["code"], a["reply"]) for a in first["attempts"]] == [(550, f"<{ADA}> unknown")]
    assert (second["campaign"]["body"], second["attempts"]) == ("Another text.", [])
    assert (first["campaign"]["asSent"], second["campaign"]["asSent"]) == (True, False)  # the second still waits


async def test_an_export_of_many_batches_is_one_document(
    api: httpx.AsyncClient, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.domain.recipients.personal_data.BATCH", 2)
    for _ in range(5):
        await schedule(api, [ADA])
    found = (await api.get("/api/recipients/export", params={"email": ADA})).json()
    assert len({email["campaign"]["id"] for email in found["emails"]}) == 5


async def test_of_somebody_unknown_the_export_says_so(api: httpx.AsyncClient) -> None:
    response = await api.get("/api/recipients/export", params={"email": "nobody@example.com"})
    assert response.json() == {
        "email": "nobody@example.com",
        "emails": [],
        "suppression": None,
        "rejected": [],
        "sandboxMessages": [],
        "responses": [],
        "savedLists": [],
        "copies": [],
        "namedIn": [],
        "lists": [],
    }


async def told_of(pool: Pool, user: User, email_id: int) -> None:
    """A webhook is to be told that the email to ADA failed."""
    async with pool.connection() as conn:
        await conn.execute(
            "WITH hook AS (INSERT INTO webhooks (workspace_id, url, events)"
            " VALUES (%s, 'https://hook.example.com', '{email.failed}') RETURNING id)"
            " INSERT INTO webhook_deliveries (workspace_id, webhook_id, event, data)"
            " SELECT %s, id, 'email.failed', %s FROM hook",
            (
                user.workspace_id,
                user.workspace_id,
                Jsonb({"emailId": email_id, "recipient": ADA, "reply": f"550 no such user {ADA}"}),
            ),
        )


async def test_after_erasing_the_address_is_nowhere_and_the_ledger_adds_up(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    key = {"Idempotency-Key": "once"}
    body = {
        "subject": "Hello {{ name }}",
        "body": "A text.",
        "recipients": [{"email": "bob@example.com", "name": "Bob"}, {"email": ADA}, {"email": f"Ada <{ADA}>"}],
    }
    first = await api.post("/api/campaigns/schedule", json=body, headers=key)
    assert len(first.json()["rejected"]) == 2
    sent = (await schedule(api, [ADA, "carl@example.com"]))["campaign"]["id"]
    waiting = (await schedule(api, ["ada@EXAMPLE.com", "dora@example.com"]))["campaign"]["id"]
    alone = (await schedule(api, [ADA]))["campaign"]["id"]
    sent_id = await settle(pool, ADA, sent, "SENT")
    message = f"Message-ID: {await message_id_of(pool, sent)}\r\nTo: Ada@example.com\r\n\r\nHi".encode()
    await sandbox.store(pool, ReceivedMessage(envelope_from="o@example.com", envelope_to=[ADA], content=message))
    await told_of(pool, user, sent_id)
    file = f"Name;Mail\nBob;bob@example.com\nAda;{ADA.upper()}\n".encode("utf-16")
    await api.post("/api/lists", files={"file": ("people.csv", file)})
    await api.post("/api/lists", json={"recipients": ["bob@example.com", {"email": ADA, "name": "Ada"}]})
    other = await api.post("/api/lists", json={"recipients": [f"x{ADA}", f"{ADA}.org"]})
    exported = (await api.get("/api/recipients/export", params={"email": ADA})).json()
    assert [len(exported[part]) for part in ("emails", "rejected", "sandboxMessages")] == [3, 2, 1]
    assert [(held["name"], held["rows"]) for held in exported["lists"]] == [
        ("people.csv", [{"row": 3, "content": ["Ada", ADA.upper()]}]),
        (None, [{"row": 2, "content": {"email": ADA, "name": "Ada"}}]),
    ]
    held_in = "SELECT array_agg(id) FROM recipient_lists"
    held = ["attempts", "emails", "idempotency_keys", "recipient_list_chunks", "recipient_lists", "sandbox_messages"]
    assert await everywhere(pool, "Ada@example") == [*held, "webhook_deliveries"]

    assert await erase(api) == {
        "emails": 3,
        "cancelled": 2,
        "sandboxMessages": 1,
        "responses": 0,
        "lists": 2,
        "savedLists": 0,
        "copies": 0,
        "beingSent": 0,
    }

    assert await value(pool, held_in) == [other.json()["id"]]
    await api.delete(f"/api/lists/{other.json()['id']}")
    assert await everywhere(pool, "Ada@example") == []
    assert await check_conservation(pool, sent) == {"SENT": 1, "SCHEDULED": 1}
    assert await check_conservation(pool, waiting) == {"CANCELLED": 1, "SCHEDULED": 1}
    assert await check_conservation(pool, alone) == {"CANCELLED": 1}
    assert await value(
        pool, "SELECT array_agg(DISTINCT cancel_reason::text) FROM emails WHERE status = 'CANCELLED'"
    ) == ["ERASED"]
    assert (await api.get(f"/api/campaigns/{alone}")).json()["status"] == "FINISHED"
    email = (await api.get(f"/api/emails/{sent_id}")).json()
    assert (email["recipient"], email["status"]) == (f"erased-{sent_id}@erased.invalid", "SENT")
    assert email["erasedAt"] is not None
    assert [(a["code"], a["reply"]) for a in email["attempts"]] == [(550, None)]
    again = await api.post("/api/campaigns/schedule", json=body, headers=key)
    assert again.json()["campaign"]["id"] == first.json()["campaign"]["id"]
    assert [(r["email"], r["reason"]) for r in again.json()["rejected"]] == [("", "erased")] * 2
    logged = await row(pool, "SELECT * FROM audit_log WHERE action = 'recipient.erase'")
    assert logged["subject"] == "3 emails"
    assert await erase(api) == {
        "emails": 0,
        "cancelled": 0,
        "sandboxMessages": 0,
        "responses": 0,
        "lists": 0,
        "savedLists": 0,
        "copies": 0,
        "beingSent": 0,
    }


async def test_a_servers_words_that_name_the_address_are_erased_wherever_they_are_kept(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    said = f"550 5.1.1 <{ADA}>: unknown"
    await execute(
        pool,
        "INSERT INTO webhooks (workspace_id, url, events) VALUES (%s, 'https://hook.example.com', '{sender.blocked}')",
        user.workspace_id,
    )
    await execute(
        pool,
        "UPDATE senders SET failures = 1, blocked_until = now(), block_reason = %s, verify_error = %s",
        said,
        f"no login for {ADA.upper()}.",
    )
    await execute(pool, "UPDATE webhook_deliveries SET error = %s, attempts = 1", f"answered 500: {said}")
    await execute(
        pool,
        "UPDATE webhooks SET failures = 1, failing_since = now(), last_error = %s, disabled_at = now(),"
        " disabled_reason = %s",
        *(said, said),
    )
    await execute(
        pool,
        "INSERT INTO holds (workspace_id, login_id, reason, signature, words, since, probe_at)"
        " SELECT workspace_id, id, 'REFUSED', 'RCPT 550 5.1.1 unknown', %s, now(), now() FROM logins",
        said,
    )
    assert await everywhere(pool, "ada@example.com") == ["holds", "senders", "webhook_deliveries", "webhooks"]

    await erase(api)

    assert await everywhere(pool, "ada@example.com") == []
    assert await value(pool, "SELECT words FROM holds") == ERASED
    sender = await row(pool, "SELECT block_reason, verify_error, blocked_until FROM senders")
    assert (sender["block_reason"], sender["verify_error"]) == (ERASED, ERASED)
    assert sender["blocked_until"] is not None
    told = await row(pool, "SELECT data, error FROM webhook_deliveries")
    assert (told["data"]["reason"], told["data"]["email"], told["error"]) == (ERASED, "owner@example.com", ERASED)
    assert set((await row(pool, "SELECT last_error, disabled_reason FROM webhooks")).values()) == {ERASED}


async def test_a_servers_words_about_somebody_else_stay(api: httpx.AsyncClient, pool: Pool) -> None:
    said = "550 <cada@example.com>, <ada@example.com.au> unknown"
    await execute(pool, "UPDATE senders SET blocked_until = now(), block_reason = %s", said)
    await erase(api)
    assert await value(pool, "SELECT block_reason FROM senders") == said


@pytest.mark.parametrize(("status", "call"), [("FAILED", "retry"), ("UNKNOWN", "resolve")])
async def test_an_erased_email_is_never_sent_again(api: httpx.AsyncClient, pool: Pool, status: str, call: str) -> None:
    campaign_id = (await schedule(api, [ADA]))["campaign"]["id"]
    email_id = await settle(pool, ADA, campaign_id, status)
    await erase(api)
    body = {"as": "resend"} if call == "resolve" else None
    answer = await api.post(f"/api/emails/{email_id}/{call}", json=body)
    assert "erased" in problem(answer, 409)["detail"]
    many = await api.post(f"/api/emails/{call}", json={"campaignId": campaign_id} | (body or {}))
    assert many.json()["changed"] == 0
    assert (await row(pool, "SELECT count(*) AS n FROM audit_log WHERE action LIKE 'email.%%'"))["n"] == 0
    assert await check_conservation(pool, campaign_id) == {status: 1}
    with pytest.raises(CheckViolation):
        await execute(pool, "UPDATE emails SET status = 'SCHEDULED' WHERE id = %s", email_id)


async def test_an_erased_email_in_doubt_may_be_taken_as_sent(api: httpx.AsyncClient, pool: Pool) -> None:
    campaign_id = (await schedule(api, [ADA]))["campaign"]["id"]
    email_id = await settle(pool, ADA, campaign_id, "UNKNOWN")
    await erase(api)
    assert (await api.post(f"/api/emails/{email_id}/resolve", json={"as": "sent"})).status_code == 200
    assert await check_conservation(pool, campaign_id) == {"SENT": 1}


async def test_what_is_being_sent_is_said_and_erased_the_next_time(api: httpx.AsyncClient, pool: Pool) -> None:
    campaign_id = (await schedule(api, [ADA]))["campaign"]["id"]
    await execute(pool, "UPDATE emails SET status = 'SENDING', claim_token = gen_random_uuid(), claimed_at = now()")
    await execute(pool, "UPDATE streams SET scheduled = 0, sending = 1")
    assert await erase(api) == {
        "emails": 0,
        "cancelled": 0,
        "sandboxMessages": 0,
        "responses": 0,
        "lists": 0,
        "savedLists": 0,
        "copies": 0,
        "beingSent": 1,
    }
    await execute(pool, "UPDATE emails SET status = 'SCHEDULED', claim_token = NULL")
    await execute(pool, "UPDATE streams SET scheduled = 1, sending = 0")
    assert (await erase(api))["cancelled"] == 1
    assert await check_conservation(pool, campaign_id) == {"CANCELLED": 1}


async def test_of_a_suppression_the_wish_stays_and_the_plain_text_goes(api: httpx.AsyncClient, pool: Pool) -> None:
    await schedule(api, recipients=[ADA])
    sent = {"emails": [ADA, "other@example.com"], "note": "Ada rang up", "reason": "UNSUBSCRIBED"}
    assert (await api.post("/api/suppressions", json=sent)).is_success
    exported = (await api.get("/api/recipients/export", params={"email": ADA})).json()
    assert (exported["suppression"]["reason"], exported["suppression"]["note"]) == ("UNSUBSCRIBED", "Ada rang up")
    await erase(api)
    found = await rows(pool, "SELECT name, note FROM suppressions ORDER BY name")
    assert found == [{"name": "other@example.com", "note": "Ada rang up"}, {"name": None, "note": None}]
    assert await rows(pool, "SELECT id FROM emails WHERE recipient_key = address_digest(%s)", ADA) == []
    answer = await schedule(api, recipients=[ADA.upper(), "else@example.com"])
    assert (answer["accepted"], answer["suppressed"]) == (1, 1)
    assert "ada" not in str(await rows(pool, "SELECT data FROM webhook_deliveries")).lower()


async def test_another_users_recipient_of_the_same_address_stays(
    api: httpx.AsyncClient, pool: Pool, stranger: Headers
) -> None:
    await schedule(api, [ADA])
    assert (await erase(api, headers=stranger))["emails"] == 0
    export = await api.get("/api/recipients/export", params={"email": ADA}, headers=stranger)
    assert export.json()["emails"] == []
    assert await value(pool, "SELECT recipient FROM emails") == ADA


async def test_erasing_needs_the_scope_admin_and_exporting_read(api: httpx.AsyncClient, pool: Pool, user: User) -> None:
    for scopes, exported, erased in ((["send"], 403, 403), (["read", "send"], 200, 403), (["admin"], 403, 200)):
        made = await keys.create(pool, LOCAL.of(user.id), user.workspace_id, "k", scopes)  # pyright: ignore[reportArgumentType]
        key = {"Authorization": f"Bearer {made.key}"}
        export = await api.get("/api/recipients/export", params={"email": ADA}, headers=key)
        erase = await api.post("/api/recipients/erase", json={"email": ADA}, headers=key)
        assert (export.status_code, erase.status_code) == (exported, erased)


async def test_what_is_no_address_is_refused(api: httpx.AsyncClient) -> None:
    for email in ("", "ada", "a@b@c", "ada@example.com\0"):
        assert list(wrong_fields(await api.post("/api/recipients/erase", json={"email": email}))) == ["email"]
        assert list(wrong_fields(await api.get("/api/recipients/export", params={"email": email}))) == ["email"]
    problem(await api.get("/api/recipients/export"), 400)
    assert list(wrong_fields(await api.post("/api/recipients/erase", json={}))) == ["email"]


async def test_an_address_in_wide_characters_is_found(api: httpx.AsyncClient) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in ADA)
    await api.post("/api/lists", files={"file": ("people.csv", f"email,n\n{wide},1\n".encode())})
    assert (await erase(api))["lists"] == 1


async def test_a_list_that_names_somebody_again_and_again_is_exported_in_pieces(
    api: httpx.AsyncClient, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five million rows of one address were gigabytes, which nobody had asked to be in memory at once."""
    monkeypatch.setattr(stored_lists, "CHUNK", 1_000)
    content = "email,n\n" + "".join(f"{ADA},{n}\n" for n in range(100))
    await api.post("/api/lists", files={"file": ("people.csv", content.encode())})
    await api.post("/api/lists", json={"recipients": [ADA]})
    pieces = [held async for held in stored_lists.lines(pool, user.workspace_id, [ADA.lower()])]
    assert max(len(held.found) for held in pieces) < 20
    lists = (await api.get("/api/recipients/export", params={"email": ADA})).json()["lists"]
    assert [[row["row"] for row in held["rows"]] for held in lists] == [list(range(2, 102)), [1]]
    assert lists[0]["rows"][0]["content"] == [ADA, "0"]
    assert lists[1]["rows"][0]["content"] == ADA


async def test_lists_are_looked_through_without_a_connection(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty erasures at once held all of them for as long as a gigabyte takes."""
    await api.post("/api/lists", json={"recipients": [ADA]})
    let_go, looking = threading.Event(), threading.Event()

    def slow(*_: object) -> bool:
        looking.set()
        return let_go.wait(BOUND_S)

    monkeypatch.setattr(stored_lists, "_holds", slow)
    erasing = asyncio.create_task(erase(api))
    assert await asyncio.to_thread(looking.wait, 30)
    in_transaction = (
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
    )
    try:
        assert await value(pool, in_transaction) == 0
    finally:
        let_go.set()
    assert (await erasing)["lists"] == 1
