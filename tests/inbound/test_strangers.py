"""The list of what came back, as long as it gets, and what strangers write into it."""

from __future__ import annotations

from typing import Any

import httpx

from app.db import Pool
from app.domain.accounts.users import User
from tests.support.api import Headers
from tests.support.came import Came
from tests.support.engine import execute, rows, value

MANY = 5_000
_COPIES = """
INSERT INTO responses (
    workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, writer, writer_name, weak, message_id,
    folder, uid_validity, uid, received_at, subject, text, attachments, label, read_at)
SELECT r.workspace_id, r.kind, r.email_id, r.campaign_id, r.stream_id, r.sender_id, r.recipient, r.writer,
       r.writer_name, r.weak, 'copy-' || n, r.folder, r.uid_validity, r.uid + n,
       r.received_at - make_interval(mins => n / 7), r.subject, 'Number ' || n, r.attachments,
       CASE WHEN n %% 10 = 0 THEN 'meeting' END, CASE WHEN n %% 2 = 0 THEN now() END
FROM responses r, generate_series(1, %s) n
"""


async def _pages(api: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    """All items, page by page."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        asked = query | {"limit": 200} | ({"cursor": cursor} if cursor else {})
        answer = await api.get("/api/responses", params=asked)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["nextCursor"]
        if cursor is None:
            return found


async def test_pages_hold_each_once_in_order_whether_there_are_none_one_or_thousands(
    api: httpx.AsyncClient, came: Came
) -> None:
    unread = "/api/responses/unread"
    assert (await _pages(api), (await api.get(unread)).json()["REPLY"]) == ([], 0)
    first = await came.back("REPLY", text="The first")
    assert [one["id"] for one in await _pages(api)] == [first]
    await execute(came.pool, _COPIES, MANY - 1)
    every = await _pages(api)
    assert len({one["id"] for one in every}) == len(every) == MANY
    order = [(one["receivedAt"], one["id"]) for one in every]
    assert order == sorted(order, reverse=True)
    assert [one["beginning"] for one in await _pages(api, q="number 4998")] == ["Number 4998"]
    assert len(await _pages(api, label="meeting", unread=False)) == (MANY - 1) // 10
    assert (await api.get(unread)).json()["REPLY"] == MANY // 2 + 1
    for nothing in ({"q": "%"}, {"q": "_"}, {"q": "\\"}, {"label": "Meeting"}, {"kind": "BOUNCE"}, {"address": "x"}):
        assert await _pages(api, **nothing) == [], nothing


async def test_names_of_strangers_are_kept_as_they_are_and_told_as_data(api: httpx.AsyncClient, came: Came) -> None:
    evil = "</script><img src=x onerror=alert(1)>{{7*7}}"
    reply = await came.back("REPLY", text=evil)
    await execute(
        came.pool,
        "UPDATE responses SET subject = %(e)s, writer_name = %(e)s, attachments = ARRAY[%(e)s]".replace("%(e)s", "%s"),
        *(evil, evil, evil),
    )
    labelled = await api.patch(f"/api/responses/{reply}", json={"label": evil[:50]})
    assert labelled.json()["label"] == evil[:50]
    for path in ("", f"/{reply}", f"/{reply}/thread", "/labels"):
        answer = await api.get(f"/api/responses{path}")
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["x-content-type-options"] == "nosniff"
    (found,) = (await api.get("/api/responses")).json()["items"]
    assert (found["subject"], found["writerName"], found["attachments"]) == (evil, evil, [evil])
    # An answer is text as it was written: no template of anybody's.
    await api.post(f"/api/responses/{reply}/answer", json={"body": "Hello"})
    assert await value(came.pool, "SELECT name FROM campaigns WHERE kind = 'DIRECT'") == f"Answer: Re: {evil}"


async def test_a_stranger_changes_and_answers_nothing_of_it(
    api: httpx.AsyncClient, came: Came, stranger: Headers
) -> None:
    reply = await came.back("REPLY")
    await execute(came.pool, "UPDATE responses SET html = '<p>x'")
    path = f"/api/responses/{reply}"
    for url in (path, f"{path}/thread", f"{path}/html", f"{path}/html?images=true"):
        assert (await api.get(url, headers=stranger)).status_code == 404
    marked = await api.patch("/api/responses", json={"ids": [reply], "label": "mine", "read": True}, headers=stranger)
    assert marked.json() == {"changed": 0}
    answered = await api.post(f"{path}/answer", json={"body": "Hello"}, headers=stranger)
    assert answered.status_code == 404
    for query in ({"campaignId": came.emails[0].campaign_id}, {"emailId": came.emails[0].id}, {"q": "Yes"}):
        assert (await api.get("/api/responses", params=query, headers=stranger)).json()["items"] == []
    assert await rows(came.pool, "SELECT label, read_at FROM responses") == [{"label": None, "read_at": None}]
    assert await value(came.pool, "SELECT count(*) FROM campaigns WHERE kind = 'DIRECT'") == 0


async def test_a_mailbox_that_cannot_be_read_is_told_of_after_ten_minutes_and_until_it_can(
    api: httpx.AsyncClient, pool: Pool, user: User, came: Came
) -> None:
    async def told() -> list[dict[str, Any]]:
        return [one for one in (await api.get("/api/alerts")).json() if one["kind"] == "sender.unread"]

    failing = (
        "UPDATE inboxes SET failures = 3, error = 'imap.example.com:993 refused the login', lease_token = NULL,"
        " lease_until = NULL, failing_since = now() - make_interval(mins => %s)"
    )
    await execute(pool, failing, 9)
    assert await told() == []
    await execute(pool, failing, 11)
    (alert,) = await told()
    assert alert["senderId"] == came.inbox.sender_id
    assert "cannot be read: imap.example.com:993 refused the login" in alert["message"]
    await execute(pool, "UPDATE inboxes SET failures = 0, error = NULL, failing_since = NULL")
    assert await told() == []
