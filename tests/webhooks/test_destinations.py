"""Where a webhook is delivered to: the host whose address was checked, and none that leads inside."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from app.db import Pool
from app.domain.webhooks import webhooks
from tests.support.engine import (
    ANYWHERE,
    Owner,
)
from tests.support.receiver import Receiver, receiving
from tests.webhooks.test_deliveries import BOX, log_of
from tests.worker.test_hosts import Resolver
from worker.webhooks import Courier


async def test_a_name_is_connected_to_where_it_was_checked_with_a_certificate_for_the_name(
    pool: Pool, owner: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for certified, status in (("hooks.example.com", "DELIVERED"), ("127.0.0.1", "PENDING")):
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(certified).configure_cert(tls)
        async with receiving(tls) as receiver:
            url = f"https://hooks.example.com:{receiver.port}/x"
            webhook = await webhooks.create(pool, BOX, owner.workspace_id, url, ["email.failed"])
            await webhooks.test(pool, owner.workspace_id, webhook.id)
            lookup = Resolver(["127.0.0.1"])
            await Courier(pool, BOX, ANYWHERE, lookup).deliver(webhook.id)
            (delivery,) = await log_of(pool, owner, webhook)
            assert delivery.status == status, delivery
            assert lookup.asked == ["hooks.example.com"]
            if status == "DELIVERED":
                assert receiver.told[0].headers["host"] == f"hooks.example.com:{receiver.port}"
            else:
                assert "certificate" in (delivery.error or "")


async def test_a_name_that_leads_inside_is_not_connected_to(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    url = f"https://hooks.example.com:{receiver.port}/"
    webhook = await webhooks.create(pool, BOX, owner.workspace_id, url, ["email.failed"])
    await webhooks.test(pool, owner.workspace_id, webhook.id)
    strict = ANYWHERE._replace(allow_private=False)
    await Courier(pool, BOX, strict, Resolver(["127.0.0.1"])).deliver(webhook.id)
    (delivery,) = await log_of(pool, owner, webhook)
    assert "resolves to an address that this installation does not connect to" in (delivery.error or "")
    assert "127.0.0.1" not in (delivery.error or "")
    assert receiver.connections == 0


async def test_a_name_that_does_not_resolve_is_said_in_words(pool: Pool, owner: Owner) -> None:
    async def nowhere(host: str, port: int) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    webhook = await webhooks.create(pool, BOX, owner.workspace_id, "https://nowhere.example.com", ["email.failed"])
    await webhooks.test(pool, owner.workspace_id, webhook.id)
    await Courier(pool, BOX, ANYWHERE, nowhere).deliver(webhook.id)
    (delivery,) = await log_of(pool, owner, webhook)
    assert delivery.error == "the host name nowhere.example.com does not resolve"


async def test_a_name_in_punycode_is_looked_up_as_it_is_and_one_that_is_no_name_is_a_failed_try(
    pool: Pool, owner: Owner
) -> None:
    """httpx decodes such names, and raises where they do not decode: unrecorded, and tried again for ever."""
    asked: list[str] = []

    async def nowhere(host: str, port: int) -> Any:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    for url in ("https://xn--mnchen-3ya.example/h", "https://xn--a.com/"):
        webhook = await webhooks.create(pool, BOX, owner.workspace_id, url, ["email.failed"])
        await webhooks.test(pool, owner.workspace_id, webhook.id)
        await Courier(pool, BOX, ANYWHERE, nowhere).deliver(webhook.id)
        (delivery,) = await log_of(pool, owner, webhook)
        assert delivery.attempts == 1
        assert delivery.error
    assert asked[0] == "xn--mnchen-3ya.example"
