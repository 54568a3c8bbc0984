"""`imap` of senders: where a mailbox is read, and whom its passwords are shown to."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.operations.reseal import reseal
from app.domain.senders.inbox import imap_password_place
from app.secrets import SecretBox
from tests.support.api import wrong_fields
from tests.support.engine import execute, row, value

MAILBOX: dict[str, Any] = {
    "email": "sales@example.com",
    "host": "smtp.example.com",
    "username": "sales",
    "password": "hunter2",
}
IMAP: dict[str, Any] = {"host": "imap.example.com"}
SHOWN: dict[str, Any] = {
    "host": "imap.example.com",
    "port": 993,
    "security": "tls",
    "username": None,
    "hasPassword": False,
    "wholeAt": None,
    "error": None,
    "failingSince": None,
}


async def create(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await api.post("/api/senders", json=MAILBOX | fields)
    assert response.status_code == 201, response.text
    return response.json()


def wrong(response: httpx.Response) -> list[str]:
    return list(wrong_fields(response))


async def change(api: httpx.AsyncClient, sender: dict[str, Any], **fields: Any) -> httpx.Response:
    return await api.patch(f"/api/senders/{sender['id']}", json=fields)


async def test_a_mailbox_is_read_by_the_login_that_it_sends_by_or_by_one_of_its_own(
    api: httpx.AsyncClient, pool: Pool, box: SecretBox
) -> None:
    assert (await create(api))["imap"] is None
    assert (await create(api, email="a@example.com", imap=IMAP))["imap"] == SHOWN
    own = IMAP | {"security": "starttls", "username": "reader", "password": "an imap word"}
    sender = await create(api, email="b@example.com", imap=own)
    shown = SHOWN | {"security": "starttls", "port": 143, "username": "reader", "hasPassword": True}
    assert sender["imap"] == shown
    for answer in (await api.get("/api/senders"), await api.get(f"/api/senders/{sender['id']}")):
        assert "an imap word" not in answer.text
    kept = await row(pool, "SELECT imap_password_encrypted AS p FROM senders WHERE id = %s", sender["id"])
    assert box.open(kept["p"], imap_password_place(sender["id"])) == "an imap word"
    # A new key covers it, and what is changed beside it leaves it.
    await reseal(pool, SecretBox("another key", "a secret for tests"))
    same = {"host": "imap.example.com", "port": 143, "security": "starttls", "username": "reader"}
    assert (await change(api, sender, imap=same)).status_code == 200
    after = await row(pool, "SELECT imap_password_encrypted AS p FROM senders WHERE id = %s", sender["id"])
    assert SecretBox("another key").open(after["p"], imap_password_place(sender["id"])) == "an imap word"
    assert (await change(api, sender, imap=None)).json()["imap"] is None


async def test_a_password_is_shown_to_no_imap_server_that_it_was_not_given_for(api: httpx.AsyncClient) -> None:
    sender = await create(api)
    assert wrong(await change(api, sender, imap={"host": "imap.evil.example"})) == ["password"]
    assert (await change(api, sender, imap={"host": "SMTP.example.com"})).status_code == 200  # it was: it sends there
    given = await change(api, sender, imap=IMAP, password="hunter3")  # noqa: S106 -- nobody's
    assert given.json()["imap"] == SHOWN
    assert (await change(api, sender, imap=IMAP | {"port": 143, "security": "starttls"})).status_code == 200
    assert wrong(await change(api, sender, imap={"host": "imap.evil.example"})) == ["password"]
    own = await create(api, email="b@example.com", imap=IMAP | {"username": "reader", "password": "a word"})
    for other in ({"host": "imap.evil.example", "username": "reader"}, {"host": "imap.example.com", "username": "x"}):
        assert wrong(await change(api, own, imap=other)) == ["imap.password"]


async def test_the_two_servers_of_a_known_provider_belong_together(api: httpx.AsyncClient) -> None:
    sender = await create(api, host="smtp.gmail.com")
    assert (await change(api, sender, imap={"host": "imap.gmail.com"})).status_code == 200


async def test_a_server_that_is_only_spelled_otherwise_stays_read(api: httpx.AsyncClient, pool: Pool) -> None:
    own = IMAP | {"username": "reader", "password": "an imap word"}
    first, _ = [await create(api, email=email, imap=own) for email in ("a@example.com", "b@example.com")]
    await execute(pool, "UPDATE senders SET imap_host = 'Imap.Example.com.' WHERE id = %s", first["id"])
    assert await value(pool, "SELECT array_agg(inbox_id) FROM read_senders") == [first["id"], first["id"]]
    await execute(
        pool, "INSERT INTO inboxes (workspace_id, sender_id) SELECT DISTINCT workspace_id, inbox_id FROM read_senders"
    )
    assert (await change(api, first, imap=own)).status_code == 200
    assert await value(pool, "SELECT sender_id FROM inboxes") == first["id"]
    assert (await change(api, first, imap=own | {"host": "imap.example.net"})).status_code == 200
    assert await value(pool, "SELECT count(*) FROM inboxes") == 0


@pytest.mark.parametrize(
    "change_of", [{"host": "smtp.other.example", "password": "new"}, {"host": None}, {"username": None}]
)
async def test_another_mailbox_is_not_read_at_the_server_of_the_one_before(
    api: httpx.AsyncClient, change_of: dict[str, Any]
) -> None:
    sender = await create(api, imap=IMAP)
    assert wrong(await change(api, sender, **change_of)) == ["imap"]
    assert (await change(api, sender, **change_of, imap=None)).status_code == 200


@pytest.mark.parametrize(
    ("imap", "fields"),
    [
        ({"host": "imap.example.com", "security": "none"}, ["imap.security"]),
        ({"host": "imap.example.com", "port": 0}, ["imap.port"]),
        ({"host": "not a host"}, ["imap.host"]),
        ({"host": "imap.example.com", "password": "x"}, ["imap.username"]),
        ({"host": "imap.example.com", "username": "x"}, ["imap.password"]),
        ({"host": "imap.example.com", "username": "x\r\ny", "password": "x"}, ["imap.username"]),
    ],
)
async def test_a_wrong_field_is_named(api: httpx.AsyncClient, imap: dict[str, Any], fields: list[str]) -> None:
    assert wrong(await api.post("/api/senders", json=MAILBOX | {"imap": imap})) == fields


async def test_a_sender_without_a_login_is_read_only_by_one_of_its_own(api: httpx.AsyncClient) -> None:
    bare = {"email": "sales@example.com"}
    assert wrong(await api.post("/api/senders", json=bare | {"imap": IMAP})) == ["imap.username"]
    own = IMAP | {"username": "reader", "password": "a word"}
    assert (await api.post("/api/senders", json=bare | {"imap": own})).json()["imap"]["username"] == "reader"
