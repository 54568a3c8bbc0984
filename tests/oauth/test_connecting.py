"""GET /api/senders/connect/{provider} and its callback: whose mailbox is connected, and by whom."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.inbound import inboxes
from app.domain.operations.reseal import reseal
from app.secrets import SecretBox
from tests.support.api import wrong_fields
from tests.support.engine import execute, row, rows, value
from tests.support.mailboxes import ANN, begin, come_back, connect
from tests.support.oauth import MailProvider

MAILBOX = {"email": ANN, "host": "smtp.example.com", "username": ANN, "password": "a secret"}
NO_CLAIMS = (b"[" * 100_000, b"[]", b"7", b"null", b'"nonce"', b"\xff", b'{"nonce": []}')


def _of_id_token(payload: bytes) -> bytes:
    parts = (b'{"alg": "none"}', payload, b"")
    token = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return b'{"access_token": "a", "refresh_token": "r", "id_token": "%b"}' % token


async def test_a_mailbox_is_connected_and_its_tokens_are_kept_for_nobody_to_see(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool, user: User
) -> None:
    url = await begin(browser)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert asked["scope"] == "openid email offline_access mail"
    assert asked["redirect_uri"] == "http://127.0.0.1:3000/api/senders/connect/callback"
    assert asked["code_challenge_method"] == "S256"
    page = await come_back(browser, provider.consent(url, "Ann@example.com"))
    sender = (await browser.get(f"/api/senders/{dict(parse_qsl(urlsplit(page).query))['connected']}")).json()
    assert (sender["email"], sender["username"], sender["hasPassword"]) == ("Ann@example.com", "Ann@example.com", False)
    assert (sender["host"], sender["port"], sender["security"]) == ("localhost", 587, "starttls")
    kept = await row(pool, "SELECT l.* FROM logins l JOIN senders s ON s.login_id = l.id WHERE s.id = %s", sender["id"])
    assert (kept["credential"], kept["provider"]) == ("OAUTH", "company")
    (form,) = provider.forms
    for secret in (form["code"], form["code_verifier"]):
        assert secret not in str(sender)
    assert await value(pool, "SELECT count(*) FROM oidc_logins") == 0
    actions = await rows(pool, "SELECT action, user_id FROM audit_log WHERE subject LIKE 'senders/%%' ORDER BY id")
    assert {"action": "sender.created", "user_id": user.id} in actions


async def test_providers_are_listed_without_what_is_secret(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/api/senders/providers")).json() == [{"name": "company", "label": "The company"}]


async def test_the_page_asked_for_survives_and_no_other_site_is_led_to(
    browser: httpx.AsyncClient, provider: MailProvider
) -> None:
    back = provider.consent(await begin(browser, next="/compose?draft=1"), ANN)
    assert await come_back(browser, back) == "/compose?draft=1"
    for n, foreign in enumerate(("//evil.example", "/.//evil.example", "/a/%2e%2e//evil.example")):
        back = provider.consent(await begin(browser, next=foreign), f"bob{n}@example.com")
        assert (await come_back(browser, back)).startswith("/senders?connected=")


async def test_a_page_of_somebody_else_connects_nothing_here(browser: httpx.AsyncClient, user: User) -> None:
    own = f"{user.id}.{user.workspace_id}"
    for page, location in (
        (own, "https"),
        (f"{user.id}.{user.workspace_id + 1}", "/senders?connectFailed=another_account&next=%2Fcompose"),
        (f"{user.id + 1}.{user.workspace_id}", "/senders?connectFailed=another_account&next=%2Fcompose"),
    ):
        asked = {"actingAs": page, "next": "/compose"}
        response = await browser.get("/api/senders/connect/company", params=asked)
        assert (page == own) != (response.headers["location"] == location)


async def test_a_mailbox_connected_again_keeps_its_sender_and_goes_on_at_once(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    sender_id = await connect(browser, provider)
    await execute(pool, "UPDATE logins SET grant_ended_at = now(), grant_error = 'x' WHERE credential = 'OAUTH'")
    blocked = (
        "UPDATE senders SET failures = 3, blocked_until = now() + interval '1 h', block_reason = 'x' WHERE id = %s"
    )
    await execute(pool, blocked, sender_id)
    credential = (await browser.get(f"/api/senders/{sender_id}")).json()["credential"]
    assert (credential.pop("endedAt") is None, credential) == (
        False,
        {"kind": "OAUTH", "provider": "company", "error": "x"},
    )
    url = await begin(browser, sender=str(sender_id))
    assert dict(parse_qsl(urlsplit(url).query))["login_hint"] == ANN
    assert await come_back(browser, provider.consent(url, "ANN@example.com")) == f"/senders?connected={sender_id}"
    assert (await browser.get(f"/api/senders/{sender_id}")).json()["blockedUntil"] is None
    kept = await row(pool, "SELECT * FROM logins WHERE credential = 'OAUTH'")
    assert (kept["grant_ended_at"], kept["grant_error"], kept["grant_version"]) == (None, None, 2)
    # Without naming it, too: one mailbox is one sender.
    assert await connect(browser, provider) == sender_id
    assert await value(pool, "SELECT count(*) FROM senders WHERE NOT is_default") == 1


async def test_a_mailbox_that_is_connected_again_is_read_at_once(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    """Whatever its back-off was, also by a pass that began before; its follow-ups wait for that."""
    sender_id = await connect(browser, provider)
    await inboxes.settle(pool, poll_s=60)
    failing = "UPDATE inboxes SET failures = 7, failing_since = now(), error = 'x', next_at = now() + interval '1 h'"
    await execute(pool, failing)
    await come_back(browser, provider.consent(await begin(browser, sender=str(sender_id)), ANN))
    assert await value(pool, "SELECT next_at <= now() FROM inboxes")
    (inbox,) = await inboxes.lease(pool, uuid4(), 1)
    await come_back(browser, provider.consent(await begin(browser, sender=str(sender_id)), ANN))
    await inboxes.fail(pool, inbox, "connect the mailbox again", poll_s=120)
    assert await value(pool, "SELECT next_at <= now() AND failures = 8 FROM inboxes")


async def test_words_of_the_server_before_hold_back_nothing_of_a_mailbox_that_is_connected(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    sender_id = (await browser.post("/api/senders", json=MAILBOX)).json()["id"]
    held = (
        "INSERT INTO holds (workspace_id, login_id, reason, signature, words, since, probe_at)"
        " SELECT workspace_id, login_id, 'SERVER_SLOW', 'x', '450 slow', now(), now() + interval '1 day' FROM senders"
        " WHERE id = %s"
    )
    await execute(pool, held, sender_id)
    await come_back(browser, provider.consent(await begin(browser, sender=str(sender_id)), ANN))
    assert (await browser.get(f"/api/senders/{sender_id}")).json()["held"] is None
    await execute(pool, held, sender_id)  # what its server says now, another grant does not change
    await come_back(browser, provider.consent(await begin(browser, sender=str(sender_id)), ANN))
    assert (await browser.get(f"/api/senders/{sender_id}")).json()["held"]["words"] == "450 slow"


async def test_a_mailbox_that_is_connected_is_read_at_its_provider_or_by_a_login_of_its_own(
    browser: httpx.AsyncClient, provider: MailProvider
) -> None:
    sender_id = await connect(browser, provider)
    refused = await browser.patch(f"/api/senders/{sender_id}", json={"imap": {"host": "imap.evil.example"}})
    assert list(wrong_fields(refused)) == ["imap.host"]
    assert "localhost" in wrong_fields(refused)["imap.host"]
    for imap in (None, {"host": "LOCALHOST."}, {"host": "imap.example.com", "username": "ann", "password": "a word"}):
        changed = await browser.patch(f"/api/senders/{sender_id}", json={"imap": imap})
        if imap is not None and "username" not in imap:
            # The provider's server is the operator's choice, which no person has to be allowed to make.
            assert (changed.status_code, changed.json()["imap"]["host"]) == (200, "localhost")
        else:
            assert changed.status_code == 200, changed.text


@pytest.mark.parametrize("server", [{}, {"username": "ann"}, {"port": 2525}])
async def test_a_password_that_takes_the_place_of_a_grant_is_shown_to_no_imap_server_that_it_was_not_given_for(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool, server: dict[str, Any]
) -> None:
    sender_id = await connect(browser, provider)
    # As the version before took it. By hand, no server at the loopback is named, so the sender's is another.
    await execute(pool, "ALTER TABLE senders DISABLE TRIGGER senders_keep_grant")
    servers = "UPDATE senders SET host = 'smtp.example.com', imap_host = 'imap.evil.example' WHERE id = %s"
    await execute(pool, servers, sender_id)
    await execute(pool, "ALTER TABLE senders ENABLE TRIGGER senders_keep_grant")
    password = server | {"password": "a secret"}
    refused = await browser.patch(f"/api/senders/{sender_id}", json=password)
    assert list(wrong_fields(refused)) == ["imap"]
    given = await browser.patch(f"/api/senders/{sender_id}", json=password | {"imap": {"host": "imap.example.com"}})
    assert given.status_code == 200, given.text


async def test_a_sender_whose_username_is_no_address_is_connected_as_its_own(
    browser: httpx.AsyncClient, provider: MailProvider
) -> None:
    sender_id = (await browser.post("/api/senders", json=MAILBOX | {"username": "ann"})).json()["id"]
    url = await begin(browser, sender=str(sender_id))
    assert dict(parse_qsl(urlsplit(url).query))["login_hint"] == ANN
    assert await come_back(browser, provider.consent(url, "ANN@example.com")) == f"/senders?connected={sender_id}"
    assert (await browser.get(f"/api/senders/{sender_id}")).json()["username"] == "ANN@example.com"


async def test_a_mailbox_is_connected_as_a_sender_of_its_own_where_others_send_by_it(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    alias = (await browser.post("/api/senders", json=MAILBOX | {"email": "sales@example.com"})).json()["id"]
    await execute(pool, "UPDATE senders SET host = 'localhost' WHERE id = %s", alias)
    sender_id = await connect(browser, provider)
    sender = (await browser.get(f"/api/senders/{sender_id}")).json()
    assert (sender["email"], sender["sharesLoginWith"]) == (ANN, [alias])
    assert (await browser.get(f"/api/senders/{alias}")).json()["credential"]["kind"] == "OAUTH"


async def test_a_retired_sender_whose_mailbox_is_connected_is_reinstated_within_the_quota(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    sender_id = await connect(browser, provider)
    assert (await browser.post(f"/api/senders/{sender_id}/retire")).json()["retiredAt"] is not None
    assert await connect(browser, provider) == sender_id
    assert (await browser.get(f"/api/senders/{sender_id}")).json()["retiredAt"] is None
    assert await value(pool, "SELECT count(*) FROM audit_log WHERE action = 'sender.reinstated'") == 1
    # One that is asked for by its name stays what it is: it ends what it has begun.
    await browser.post(f"/api/senders/{sender_id}/retire")
    await come_back(browser, provider.consent(await begin(browser, sender=str(sender_id)), ANN))
    assert (await browser.get(f"/api/senders/{sender_id}")).json()["retiredAt"] is not None


async def test_a_mailbox_that_is_connected_is_read_by_the_grant_where_it_was_by_its_own_password(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    own = {"host": "imap.example.com", "username": "Ann@example.com", "password": "a word"}
    of_another = own | {"username": "archive"}
    ids = [(await browser.post("/api/senders", json=MAILBOX | {"imap": imap})).json()["id"] for imap in (own, own)]
    ids.append((await browser.post("/api/senders", json=MAILBOX | {"imap": of_another})).json()["id"])
    await execute(pool, "UPDATE senders SET imap_host = 'LocalHost' WHERE id = %s", ids[1])
    await execute(pool, "UPDATE senders SET host = 'localhost' WHERE id = ANY (%s)", ids)
    await come_back(browser, provider.consent(await begin(browser, sender=str(ids[0])), ANN))
    read_at = "SELECT imap_host, imap_username, imap_password_encrypted IS NOT NULL AS own FROM senders WHERE id = %s"
    by_grant = {"imap_host": "localhost", "imap_username": None, "own": False}
    assert await row(pool, read_at, ids[0]) == by_grant  # the one that was connected
    assert await row(pool, read_at, ids[1]) == by_grant  # another, at the provider's own server
    archive = {"imap_host": "imap.example.com", "imap_username": "archive", "own": True}
    assert await row(pool, read_at, ids[2]) == archive


async def test_another_mailbox_than_the_senders_is_not_taken_for_it(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    sender_id = await connect(browser, provider)
    url = await begin(browser, sender=str(sender_id))
    page = await come_back(browser, provider.consent(url, "bob@example.com"))
    assert page == "/senders?connectFailed=other_mailbox"
    assert await value(pool, "SELECT grant_version FROM logins WHERE credential = 'OAUTH'") == 1


async def test_a_mailbox_with_a_password_becomes_one_with_a_grant_and_back(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool, box: SecretBox
) -> None:
    sender_id = await connect(browser, provider)
    login = (
        "SELECT l.credential, l.refresh_token_encrypted, s.password_encrypted FROM senders s JOIN logins l ON l.id ="
    )
    login += " s.login_id WHERE s.id = %s"
    # An address of the loopback is for the operator's provider alone: by hand, another server is named.
    server = {"host": "smtp.example.com", "port": 587, "username": ANN, "password": "a secret", "imap": None}
    assert (await browser.patch(f"/api/senders/{sender_id}", json=server)).status_code == 200
    kept = await row(pool, login, sender_id)
    assert (kept["credential"], kept["refresh_token_encrypted"]) == ("PASSWORD", None)
    await come_back(browser, provider.consent(await begin(browser, sender=str(sender_id)), ANN))
    kept = await row(pool, login, sender_id)
    assert (kept["credential"], kept["password_encrypted"]) == ("OAUTH", None)
    assert (await browser.get(f"/api/senders/{sender_id}")).json()["host"] == "localhost"


async def test_a_sender_that_leaves_its_mailbox_takes_no_grant_along(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    sender_id = await connect(browser, provider)
    assert (await browser.patch(f"/api/senders/{sender_id}", json={"host": None, "imap": None})).status_code == 200
    assert await value(pool, "SELECT count(*) FROM logins WHERE refresh_token_encrypted IS NOT NULL") == 0


async def test_an_alias_logs_in_by_the_grant_of_its_mailbox_and_leaves_it_to_it(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    sender_id = await connect(browser, provider)
    alias = {"email": "sales@example.com", "host": "localhost", "username": ANN.upper()}
    refused = await browser.post("/api/senders", json=alias | {"password": "a secret"})
    assert (refused.status_code, [one["field"] for one in refused.json()["errors"]]) == (422, ["host", "password"])
    made = (await browser.post("/api/senders", json=alias)).json()
    assert made["credential"]["kind"] == "OAUTH"
    assert (made["hasPassword"], made["sharesLoginWith"]) == (False, [sender_id])
    assert (made["imap"]["host"], made["imap"]["port"], made["imap"]["username"]) == ("localhost", 993, None)
    for change in ({"displayName": "Sales", "port": 2525}, {"host": None, "imap": None}):
        assert (await browser.patch(f"/api/senders/{made['id']}", json=change)).status_code == 200
        of_ann = (await browser.get(f"/api/senders/{sender_id}")).json()
        assert of_ann["credential"]["kind"] == "OAUTH"
    left = (await browser.get(f"/api/senders/{made['id']}")).json()
    assert (left["credential"]["kind"], left["sharesLoginWith"]) == ("PASSWORD", [])


async def test_a_sender_that_is_connected_shares_the_login_of_the_mailboxs_others_from_then_on(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    with_password = {"host": "smtp.example.com", "username": ANN, "password": "a secret", "hourlyLimit": 7}
    first = (await browser.post("/api/senders", json=with_password | {"email": "ann.b@example.com"})).json()["id"]
    second = (await browser.post("/api/senders", json=with_password | {"email": ANN})).json()["id"]
    await execute(pool, "UPDATE senders SET host = 'localhost' WHERE id IN (%s, %s)", first, second)
    third = (await browser.post("/api/senders", json={"email": ANN, "hourlyLimit": 9})).json()["id"]
    assert await connect(browser, provider) == second  # the one of the mailbox's own address
    await come_back(browser, provider.consent(await begin(browser, sender=str(third)), ANN))
    for one, others in ((first, [second, third]), (second, [first, third]), (third, [first, second])):
        sender = (await browser.get(f"/api/senders/{one}")).json()
        assert (sender["credential"]["kind"], sender["hasPassword"]) == ("OAUTH", False)
        assert (sender["sharesLoginWith"], sender["hourlyLimit"]) == (others, 7)
    assert await value(pool, "SELECT grant_version FROM logins WHERE credential = 'OAUTH'") == 2


async def test_a_new_key_reseals_tokens(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool, box: SecretBox
) -> None:
    await connect(browser, provider)
    before = await row(
        pool,
        "SELECT id, refresh_token_encrypted AS r, access_token_encrypted AS a FROM logins WHERE provider IS NOT NULL",
    )
    new = SecretBox("another key", "a secret for tests")
    assert (await reseal(pool, new)).total == 2
    after = await row(
        pool, "SELECT refresh_token_encrypted AS r, access_token_encrypted AS a FROM logins WHERE provider IS NOT NULL"
    )
    alone = SecretBox("another key")
    for field, name in (("r", "refresh_token"), ("a", "access_token")):
        place = f"logins/{before['id']}/{name}"
        assert alone.open(after[field], place) == box.open(before[field], place)
