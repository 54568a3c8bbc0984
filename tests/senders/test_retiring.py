"""Senders that no campaign can choose any more."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.planning import handover
from app.plain_errors import plain
from tests.support.api import problem, schedule, wrong_fields
from tests.support.engine import execute, rows, value

LETTER: dict[str, Any] = {"subject": "Hello", "body": "Hi", "startTime": "2099-01-01T09:00:00Z"}


async def add(api: httpx.AsyncClient, email: str, **fields: Any) -> int:
    return (await api.post("/api/senders", json={"email": email} | fields)).json()["id"]


async def test_its_campaigns_others_take_over_and_nothing_chooses_it(api: httpx.AsyncClient, pool: Pool) -> None:
    old, new = await add(api, "old@example.com"), await add(api, "new@example.com")
    people = [f"{n}@example.com" for n in range(6)]
    both = (await schedule(api, **LETTER, senderIds=[old, new], recipients=people))["campaign"]["id"]

    retired = (await api.post(f"/api/senders/{old}/retire")).raise_for_status().json()
    assert retired["retiredAt"] is not None
    await handover.hand_over(pool)
    assert (await api.get(f"/api/campaigns/{both}")).json()["senderIds"] == [new]
    waiting = await rows(pool, "SELECT DISTINCT s.sender_id FROM emails e JOIN streams s ON s.id = e.stream_id")
    assert [row["sender_id"] for row in waiting] == [new]

    for path, body in {
        "/api/campaigns/schedule": LETTER | {"senderId": old, "recipients": people},
        "/api/campaigns/preview": LETTER | {"senderIds": [new, old], "recipients": people},
        "/api/campaigns/test": {"subject": "Hello", "body": "Hi", "senderId": old},
    }.items():
        refused = await api.post(path, json=body)
        assert "old@example.com is retired" in str(wrong_fields(refused)), path
    refused = await api.patch(f"/api/campaigns/{both}", json={"senderIds": [new, old]})
    assert "is retired" in wrong_fields(refused)["senderIds"]

    again = (await api.post(f"/api/senders/{old}/retire")).json()
    assert again["retiredAt"] == retired["retiredAt"]
    back = (await api.post(f"/api/senders/{old}/reinstate")).json()
    assert back["retiredAt"] is None
    assert (await api.patch(f"/api/campaigns/{both}", json={"senderIds": [new, old]})).is_success
    actions = [entry["action"] for entry in (await api.get("/api/audit")).json()["items"]]
    assert actions.count("sender.retired") == actions.count("sender.reinstated") == 1


async def test_a_campaign_that_nobody_else_sends_is_named_first(api: httpx.AsyncClient) -> None:
    old = await add(api, "old@example.com")
    await schedule(api, **LETTER, name="Spring", senderId=old, recipients=["a@example.com"])
    refused = await api.post(f"/api/senders/{old}/retire")
    assert problem(refused, 409)["detail"].startswith("“Spring” would have no sender left")
    assert (await api.get(f"/api/senders/{old}")).json()["retiredAt"] is None
    default = next(each["id"] for each in (await api.get("/api/senders")).json()["items"] if each["isDefault"])
    assert (await api.post(f"/api/senders/{default}/retire")).status_code == 409
    assert (await api.post("/api/senders/999999/retire")).status_code == 404
    assert (await api.post("/api/senders/999999/reinstate")).status_code == 404


async def test_its_mailbox_is_read_until_nothing_of_its_is_open(api: httpx.AsyncClient, pool: Pool) -> None:
    server = {"host": "smtp.example.com", "security": "tls", "username": "old", "password": "x"}
    imap = {"host": "imap.example.com", "port": 993, "security": "tls"}
    old, new = await add(api, "old@example.com", **server, imap=imap), await add(api, "new@example.com")
    its = await schedule(api, **LETTER, senderIds=[old, new], recipients=["a@example.com", "b@example.com"])
    assert (await api.post(f"/api/senders/{old}/retire")).is_success
    reads = "SELECT count(*) FROM read_senders WHERE sender_id = %s"
    assert await value(pool, reads, old) == 1
    await execute(pool, "UPDATE emails SET attempts = 1")  # begun: it stays with the sender
    assert await value(pool, reads, old) == 1
    await api.post(f"/api/campaigns/{its['campaign']['id']}/cancel")
    assert await value(pool, "SELECT sum(scheduled) FROM streams WHERE sender_id = %s", old) == 0
    assert await value(pool, reads, old) == 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9)"), "nothing answers at this port"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "there is no server of that name"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:992)"), "wrong version number"),
        (OSError(13, "Permission denied"), "Permission denied"),
        (OSError("it has no address"), "it has no address"),
    ],
)
def test_nobody_reads_numbers_of_an_operating_system(error: OSError, said: str) -> None:
    assert plain(error) == said
