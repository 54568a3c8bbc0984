"""POST and GET /api/senders/{id}/check: a mail is sent by a real submission server and read back over real IMAP."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from app.db import Pool
from app.domain.accounts.users import find_user
from app.domain.senders.threading import Habit, read_habit
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.api import api_client, authorization, problem, wrong_fields
from tests.support.delivery import Delivery
from tests.support.dovecot import PROGRAM, WANTED, Dovecot, dovecot
from tests.support.engine import (
    SECRET_KEY,
    Owner,
    clear_of_the_hour,
    execute,
    row,
    running_workers,
    settings_for,
    value,
    wait_for,
)
from tests.support.mailboxes import granted, providers_file
from tests.support.oauth import MailProvider
from tests.support.sinkproc import Sink

pytestmark = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)
ANN, BOB, PASSWORD = "ann@localhost.example", "bob@localhost.example", "a secret"
RESULTS = (
    b"Authentication-Results: mx.localhost.example; dkim=pass header.d=localhost.example; spf=pass\r\n"
    b" smtp.mailfrom=ann@localhost.example; dmarc=pass header.from=localhost.example\r\n"
    b"DKIM-Signature: v=1; d=localhost.example; s=sel7; h=from:list-unsubscribe:list-unsubscribe-post; b=x\r\n"
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.sender_checks.ARRIVAL_S", 4.0)
    monkeypatch.setattr("worker.sender_checks.COPY_S", 0.0)


@pytest.fixture
def delivery() -> Iterator[Delivery]:
    with Delivery() as running:
        yield running


@pytest.fixture
def post(delivery: Delivery) -> Iterator[Dovecot]:
    with dovecot(delivery.port, {ANN: PASSWORD, BOB: PASSWORD}) as running:
        delivery.folder = running.folder
        yield running


@pytest.fixture
def wire_settings(sink: Sink, post: Dovecot) -> Settings:
    return msgspec.structs.replace(settings_for(sink, lanes=2), smtp_ca_file=post.ca_file, dns_servers=("127.0.0.1:9",))


@pytest.fixture
async def api(pool: Pool, owner: Owner, wire_settings: Settings, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(wire_settings, database_url) as client:
        client.headers.update(await authorization(pool, await find_user(pool, "owner@example.com")))
        yield client


async def _mailbox(api: httpx.AsyncClient, post: Dovecot, email: str, **fields: Any) -> int:
    server = {"host": "localhost", "port": post.submission, "username": email, "password": PASSWORD}
    imap = {"host": "localhost", "port": post.imaps}
    response = await api.post("/api/senders", json={"email": email, **server, "imap": imap} | fields)
    assert response.status_code == 201, response.text
    return response.json()["id"]


async def _check(api: httpx.AsyncClient, sender_id: int, **query: str) -> dict[str, Any]:
    url = f"/api/senders/{sender_id}/check"
    asked = await api.post(url, params=query)
    assert (asked.status_code, asked.json()["status"]) == (202, "RUNNING")

    async def done() -> dict[str, Any] | None:
        check = (await api.get(url)).json()
        return check if check["status"] == "DONE" else None

    return await wait_for(done, "the check to be done")


def _verdicts(check: dict[str, Any]) -> dict[str, str]:
    return {finding["subject"]: finding["verdict"] for finding in check["findings"]}


async def test_a_mail_is_sent_and_read_back_and_what_it_showed_is_kept(
    api: httpx.AsyncClient, post: Dovecot, delivery: Delivery, pool: Pool, database_url: str, wire_settings: Settings
) -> None:
    delivery.on_top, delivery.keeps_copies = RESULTS, True
    sender_id = await _mailbox(api, post, ANN)
    problem(await api.get(f"/api/senders/{sender_id}/check"), 404)
    async with running_workers(database_url, wire_settings):
        verified = (await api.post(f"/api/senders/{sender_id}/verify")).json()
        assert (verified["ok"], verified["error"], verified["imapError"]) == (True, None, None)
        check = await _check(api, sender_id)
    assert set(_verdicts(check).values()) == {"good"}, check
    told = {name: check[name] for name in ("oneClickSigned", "messageIdKept", "sentCopy", "dmarcAligned", "inboxRead")}
    assert set(told.values()) == {True}
    assert 0 < check["latencyMs"] < 60_000
    assert check["to"] == ANN
    assert delivery.count == 2
    # It counts, and the DNS check knows from now on where the key is.
    used = await value(
        pool, "SELECT sum(w.used) FROM login_windows w JOIN senders s USING (login_id) WHERE s.id = %s", sender_id
    )
    assert used == 1
    assert await value(pool, "SELECT selectors FROM sender_dns WHERE sender_id = %s", sender_id) == ["sel7"]
    assert await value(pool, "SELECT count(*) FROM emails") == 0
    sender = (await api.get(f"/api/senders/{sender_id}")).json()
    assert sender["checked"] == told | {"checkedAt": check["doneAt"]}
    # It is of this mailbox.
    assert (await api.patch(f"/api/senders/{sender_id}", json={"displayName": "Ann"})).status_code == 200
    assert (await api.get(f"/api/senders/{sender_id}/check")).status_code == 200
    assert (await api.patch(f"/api/senders/{sender_id}", json={"email": "a@localhost.example"})).status_code == 200
    problem(await api.get(f"/api/senders/{sender_id}/check"), 404)


async def test_what_servers_do_to_it_is_told(
    api: httpx.AsyncClient, post: Dovecot, delivery: Delivery, database_url: str, wire_settings: Settings, pool: Pool
) -> None:
    """To another mailbox of the workspace, which files it as junk, by a server that gives it another Message-ID."""
    delivery.on_top = b"Authentication-Results: mx.evil.example; dmarc=pass\r\n"
    delivery.into, delivery.message_id = "Junk", b"<new@outlook.example>"
    sender_id = await _mailbox(api, post, ANN)
    await _mailbox(api, post, BOB)
    async with running_workers(database_url, wire_settings):
        check = await _check(api, sender_id, to=BOB)
    assert check["to"] == BOB
    assert (check["messageIdKept"], check["usedMessageId"]) == (False, "<new@outlook.example>")
    assert (check["oneClickSigned"], check["dmarcAligned"], check["sentCopy"]) == (None, None, False)
    verdicts = _verdicts(check)
    assert (verdicts["folder"], verdicts["dmarc"], verdicts["message_id"]) == ("wrong", "unknown", "weak")
    # The server's habit is kept, until the mailbox is another.
    async with pool.connection() as conn:
        workspace_id = await value(pool, "SELECT workspace_id FROM senders WHERE id = %s", sender_id)
        assert await read_habit(conn, workspace_id, sender_id) == Habit(kept=False)
    assert (await api.patch(f"/api/senders/{sender_id}", json={"email": "a@localhost.example"})).status_code == 200
    async with pool.connection() as conn:
        assert await read_habit(conn, workspace_id, sender_id) == Habit()


async def test_a_mail_that_never_arrives_and_a_login_that_fails_are_told_in_words(
    api: httpx.AsyncClient, post: Dovecot, delivery: Delivery, pool: Pool, database_url: str, wire_settings: Settings
) -> None:
    await clear_of_the_hour()
    delivery.loses = True
    lost = await _mailbox(api, post, ANN)
    unread = await _mailbox(
        api, post, BOB, imap={"host": "localhost", "port": post.imaps, "username": "x", "password": "y"}
    )
    async with running_workers(database_url, wire_settings):
        check = await _check(api, lost)
        assert (_verdicts(check)["delivery"], check["inboxRead"], check["latencyMs"]) == ("wrong", True, None)
        check = await _check(api, unread)
        assert (_verdicts(check)["inbox"], check["inboxRead"]) == ("wrong", False)
        assert "refused the login" in str(check["findings"])
        verified = (await api.post(f"/api/senders/{unread}/verify")).json()
        assert (verified["ok"], verified["error"]) == (False, None)
        assert "refused the login: [AUTHENTICATIONFAILED]" in verified["imapError"]
        await execute(pool, "UPDATE login_windows SET allowed = used")
        check = await _check(api, lost)
        assert _verdicts(check) == {"handover": "unknown"}
        changed = await api.patch(f"/api/senders/{lost}", json={"password": "wrong"})
        assert changed.status_code == 200
        # Providers count wrong passwords: the same one is tried at one of the two servers.
        verified = (await api.post(f"/api/senders/{lost}/verify")).json()
        assert "535" in verified["error"]
        assert verified["imapError"] == f"localhost:{post.imaps} was not tried with the password just refused"
        await execute(pool, "UPDATE login_windows SET allowed = used + 1")
        check = await _check(api, lost)
        assert (_verdicts(check), "535" in str(check["findings"])) == ({"handover": "wrong"}, True)


async def test_a_connected_mailbox_is_checked_by_its_tokens(
    pool: Pool, owner: Owner, delivery: Delivery, sink: Sink, database_url: str, tmp_path: Path
) -> None:
    with MailProvider() as provider, dovecot(delivery.port, {}, provider.issuer) as post:
        delivery.folder, delivery.keeps_copies = post.folder, True
        file = providers_file(tmp_path, provider, post.submission, imap_port=post.imaps)
        settings = msgspec.structs.replace(
            settings_for(sink, lanes=2, mail_providers_file=file), smtp_ca_file=post.ca_file
        )
        await execute(
            pool,
            "UPDATE senders SET email = 'ann@example.com', host = 'localhost', port = 587, security = 'starttls',"
            " imap_host = 'localhost', imap_port = 993, imap_security = 'tls' WHERE id = %s",
            owner.sender_id,
        )
        await granted(pool, SecretBox(SECRET_KEY), provider, owner.sender_id)
        async with api_client(settings, database_url) as client, running_workers(database_url, settings):
            client.headers.update(await authorization(pool, await find_user(pool, "owner@example.com")))
            check = await _check(client, owner.sender_id)
    assert (check["inboxRead"], check["messageIdKept"], check["sentCopy"]) == (True, True, True), check
    assert provider.requests["refresh_token"] == 1


async def test_one_at_a_time_and_only_to_mailboxes_that_are_read(
    api: httpx.AsyncClient, post: Dovecot, pool: Pool
) -> None:
    sender_id = await _mailbox(api, post, ANN)
    unread = await _mailbox(api, post, BOB, imap=None)
    url = f"/api/senders/{sender_id}/check"
    assert wrong_fields(await api.post(url, params={"to": "stranger@example.com"})).keys() == {"to"}
    assert wrong_fields(await api.post(url, params={"to": BOB})).keys() == {"to"}
    assert (await api.post(url)).status_code == 202
    problem(await api.post(url), 409)
    # Its worker died: it is given up, and can be asked for again.
    await execute(pool, "UPDATE wire_checks SET requested_at = now() - interval '11 minutes'")
    given_up = (await api.get(url)).json()
    assert (given_up["status"], _verdicts(given_up)) == ("DONE", {"handover": "unknown"})
    assert (await api.post(url)).status_code == 202
    assert (await api.post(f"/api/senders/{unread}/check")).status_code == 202
    assert (await row(pool, "SELECT started_at, done_at FROM wire_checks WHERE sender_id = %s", sender_id)) == {
        "started_at": None,
        "done_at": None,
    }
