"""Responses over HTTP: listed, searched, labelled, corrected, forgotten, exported and erased."""

from __future__ import annotations

from typing import Any

import httpx

from app.db import Pool, fetch_exactly_one, transaction
from app.domain.accounts.users import User
from app.domain.ledger import retention
from app.mail.inbound.facts import Report
from app.settings import Settings
from tests.support.api import Headers
from tests.support.came import HARD, Came
from tests.support.engine import check_conservation, execute, row, rows, value


async def _list(api: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await api.get("/api/responses", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_responses_are_listed_the_latest_first_and_found(api: httpx.AsyncClient, came: Came) -> None:
    first = await came.back("REPLY", text="The roof is fine")
    second = await came.back("BOUNCE", 2, report=HARD)
    assert [one["id"] for one in await _list(api)] == [second, first]
    assert [one["id"] for one in await _list(api, kind="REPLY")] == [first]
    assert [one["id"] for one in await _list(api, q="ROOF")] == [first]
    assert await _list(api, q="r%f") == []
    assert [one["id"] for one in await _list(api, emailId=came.emails[1].id)] == [second]
    assert await _list(api, campaignId=999) == []
    page = (await api.get("/api/responses", params={"limit": 1})).json()
    rest = (await api.get("/api/responses", params={"limit": 1, "cursor": page["nextCursor"]})).json()
    assert [page["items"][0]["id"], rest["items"][0]["id"], rest["nextCursor"]] == [second, first, None]
    whole = (await api.get(f"/api/responses/{second}")).json()
    assert (whole["severity"], whole["code"], whole["diagnostic"]) == ("hard", 550, "no such user")
    assert (await api.get("/api/responses/unread")).json()["REPLY"] == 1


async def test_who_did_not_exist_as_it_was_handed_over_counts_once_for_the_brake(
    api: httpx.AsyncClient, came: Came, pool: Pool
) -> None:
    """Also where a bounce says so, too, is corrected, or the email is tried again."""
    email = came.emails[0].id
    await execute(
        pool,
        "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, dead)"
        " SELECT workspace_id, id, 1, 'REJECTED', now(), true FROM emails WHERE id = %s",
        email,
    )
    await execute(
        pool,
        "WITH failed AS (UPDATE emails SET status = 'FAILED', sent_at = NULL, attempts = 1 WHERE id = %s"
        "                RETURNING stream_id)"
        " UPDATE streams SET sent = sent - 1, failed = failed + 1, bounced = 1 FROM failed WHERE id = stream_id",
        email,
    )
    bounced = "SELECT sum(bounced) FROM streams"
    bounce = await came.back("BOUNCE", report=HARD)
    for kind in ("REPLY", "BOUNCE"):
        assert await value(pool, bounced) == 1
        assert (await api.patch(f"/api/responses/{bounce}", json={"kind": kind})).status_code == 200
    await execute(pool, "DELETE FROM suppressions")
    assert (await api.post(f"/api/emails/{email}/retry")).status_code == 200
    assert await value(pool, bounced) == 1, "the bounce still says so"
    assert (await api.patch(f"/api/responses/{bounce}", json={"kind": "REPLY"})).status_code == 200
    assert await value(pool, bounced) == 0


async def test_they_are_labelled_and_read(api: httpx.AsyncClient, came: Came) -> None:
    reply = await came.back("REPLY")
    changed = await api.patch(f"/api/responses/{reply}", json={"label": "interested", "read": True})
    assert (changed.json()["label"], changed.json()["readAt"] is not None) == ("interested", True)
    assert [one["id"] for one in await _list(api, label="interested", unread=False)] == [reply]
    changed = await api.patch(f"/api/responses/{reply}", json={"label": ""})
    assert (changed.json()["label"], changed.json()["readAt"] is not None) == (None, True)
    for wrong in ({"label": "x" * 51}, {"label": "a\nb"}, {"kind": "FOUND_IN_SENT"}, {"forgotten": True, "read": True}):
        assert (await api.patch(f"/api/responses/{reply}", json=wrong)).status_code == 422


async def test_what_is_corrected_has_what_followed_undone_and_what_is_right_follow(
    api: httpx.AsyncClient, came: Came
) -> None:
    bounce = await came.back("BOUNCE", report=HARD)
    assert (await came.counts(), await came.suppressed()) == ({"bounced": 1}, ["BOUNCED"])
    for kind, counts, suppressed in (
        ("REPLY", {"replied": 1}, []),
        ("COMPLAINT", {"complained": 1}, ["COMPLAINED"]),
        ("UNSUBSCRIBE", {"unsubscribed": 1}, ["REPLIED_STOP"]),
        ("AUTO_REPLY", {"auto_replied": 1}, []),
        ("BOUNCE", {"bounced": 1}, ["BOUNCED"]),
    ):
        answer = await api.patch(f"/api/responses/{bounce}", json={"kind": kind})
        assert answer.json()["kind"] == kind, answer.text
        assert (await came.counts(), await came.suppressed()) == (counts, suppressed), kind
    assert not (await api.get(f"/api/responses/{bounce}")).json()["corrected"]


async def test_a_weak_bounce_counts_once_a_person_has_confirmed_it(api: httpx.AsyncClient, came: Came) -> None:
    bounce = await came.back("BOUNCE", weak=True, report=HARD)
    assert (await came.counts(), await came.suppressed()) == ({}, [])
    await api.patch(f"/api/responses/{bounce}", json={"kind": "BOUNCE"})
    assert (await came.counts(), await came.suppressed()) == ({"bounced": 1}, ["BOUNCED"])


async def test_a_bounce_that_may_pass_suppresses_nobody_whoever_confirms_it(api: httpx.AsyncClient, came: Came) -> None:
    soft = Report("r1@example.com", "failed", "soft", "MAILBOX_FULL", 552, "5.2.2", "full")
    for weak in (False, True):
        bounce = await came.back("BOUNCE", weak=weak, report=soft)
        await api.patch(f"/api/responses/{bounce}", json={"kind": "BOUNCE"})
        assert (await came.counts(), await came.suppressed()) == ({}, [])


async def test_an_email_counts_once_and_only_the_last_of_two_takes_back_what_followed(
    api: httpx.AsyncClient, came: Came
) -> None:
    two = [await came.back("BOUNCE", report=HARD) for _ in range(2)]
    assert await came.counts() == {"bounced": 1}
    await api.patch(f"/api/responses/{two[0]}", json={"kind": "REPLY"})
    assert (await came.counts(), await came.suppressed()) == ({"replied": 1, "bounced": 1}, ["BOUNCED"])
    assert (await api.patch(f"/api/responses/{two[1]}", json={"forgotten": True})).json() is None
    assert (await came.counts(), await came.suppressed()) == ({"replied": 1}, [])
    assert (await api.get(f"/api/responses/{two[1]}")).status_code == 404
    assert await value(came.pool, "SELECT text || subject FROM responses WHERE id = %s", two[1]) == ""


async def test_what_came_back_for_a_fault_of_its_sender_is_sent_again_once(api: httpx.AsyncClient, came: Came) -> None:
    email_id = came.emails[0].id
    refused = Report("r1@example.com", "failed", "policy", "BLOCKED", 550, "5.7.708", "no traffic", refusal="SENDER")
    assert (await api.post(f"/api/emails/{email_id}/retry")).status_code == 409
    await came.back("BOUNCE", report=refused)
    assert (await came.counts(), await came.suppressed()) == ({}, [])
    again = await api.post(f"/api/emails/{email_id}/retry")
    assert again.json()["status"] == "SCHEDULED", again.text
    assert await check_conservation(came.pool, came.emails[0].campaign_id) == {"SENT": 1, "SCHEDULED": 2}
    await execute(
        came.pool,
        "UPDATE emails SET status = 'SENT', sent_at = now() + interval '1 s' WHERE id = %s",
        email_id,
    )
    assert (await api.post(f"/api/emails/{email_id}/retry")).status_code == 409


async def test_a_reply_cancels_what_waits_for_its_writer_in_the_campaign(came: Came) -> None:
    await came.back("REPLY", 3)
    email_id = came.emails[2].id
    email = await row(came.pool, "SELECT status, cancel_reason::text AS why FROM emails WHERE id = %s", email_id)
    assert email == {"status": "CANCELLED", "why": "REPLIED"}


async def test_webhooks_are_told_of_replies_and_bounces(pool: Pool, user: User, came: Came) -> None:
    await execute(
        pool,
        "INSERT INTO webhooks (workspace_id, url, events)"
        " VALUES (%s, 'https://x.example', '{email.replied,email.bounced}')",
        user.workspace_id,
    )
    reply = await came.back("REPLY")
    bounce = await came.back("BOUNCE", 2, report=HARD)
    await came.back("BOUNCE", 2, weak=True, report=HARD)
    told = await rows(pool, "SELECT event, data FROM webhook_deliveries ORDER BY id")
    assert [(one["event"], one["data"]["responseId"]) for one in told] == [
        ("email.replied", reply),
        ("email.bounced", bounce),
    ]
    assert told[1]["data"]["severity"] == "hard"


async def test_webhooks_are_told_that_nobody_knows_the_step_of_an_email_that_is_gone(
    pool: Pool, user: User, came: Came
) -> None:
    await execute(
        pool,
        "INSERT INTO webhooks (workspace_id, url, events) VALUES (%s, 'https://x.example', '{email.replied}')",
        user.workspace_id,
    )
    await came.back("REPLY")
    # Whatever writes one: the row itself tells.
    await execute(
        pool,
        "INSERT INTO responses (workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, weak,"
        " message_id, folder, uid_validity, uid, received_at, subject, text, attachments)"
        " SELECT workspace_id, kind, email_id + 1000, campaign_id, stream_id, sender_id, recipient, weak, 'other',"
        " folder, 8, uid, received_at, subject, text, attachments FROM responses",
    )
    told = await rows(pool, "SELECT data FROM webhook_deliveries ORDER BY id")
    assert [(one["data"]["step"], one["data"]["variant"]) for one in told] == [(1, None), (None, None)]


async def test_they_are_exported_and_erased_with_their_recipient(api: httpx.AsyncClient, came: Came) -> None:
    reply = await came.back("REPLY", text="Call me at lunch")
    await came.back("REPLY", 2)
    exported = (await api.get("/api/recipients/export", params={"email": "R1@example.com"})).json()
    assert [one["text"] for one in exported["responses"]] == ["Call me at lunch"]
    erased = await api.post("/api/recipients/erase", json={"email": "r1@example.com"})
    assert erased.json()["responses"] == 1, erased.text
    left = await row(came.pool, "SELECT to_jsonb(r)::text AS all_of_it FROM responses r WHERE id = %s", reply)
    assert "r1@" not in left["all_of_it"]
    assert "lunch" not in left["all_of_it"]
    assert len(await _list(api)) == 1


async def test_they_are_removed_after_a_time_and_what_followed_stays(came: Came) -> None:
    await came.back("BOUNCE", report=HARD)
    await came.back("REPLY", 2)
    await execute(came.pool, "UPDATE responses SET recorded_at = now() - interval '401 days' WHERE kind = 'BOUNCE'")
    (chore,) = [one for one in retention.chores(Settings(secret_key="x")) if one.what == "responses"]  # noqa: S106
    async with transaction(came.pool) as conn:
        assert (await fetch_exactly_one(conn, chore.text, chore.parameters))["removed"] == 1
        assert await (await conn.execute(chore.text, chore.parameters)).fetchall() == []
    assert await came.counts() == {"replied": 1, "bounced": 1}
    assert await came.suppressed() == ["BOUNCED"]


async def test_others_see_nothing_of_them(api: httpx.AsyncClient, came: Came, stranger: Headers) -> None:
    reply = await came.back("REPLY")
    assert (await api.get("/api/responses", headers=stranger)).json()["items"] == []
    assert (await api.get(f"/api/responses/{reply}", headers=stranger)).status_code == 404
    changed = await api.patch(f"/api/responses/{reply}", json={"kind": "BOUNCE"}, headers=stranger)
    assert changed.status_code == 404
