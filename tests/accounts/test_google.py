"""GET /api/auth/google and its callback: who is let in, and whose login it is."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from app.db import Pool, fetch_all, fetch_exactly_one, transaction
from app.domain.accounts import attempts
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.password_changes import reset_signer
from app.domain.accounts.registration import invite
from app.domain.accounts.users import User, create_user
from app.domain.workspaces import invitations, keys, members
from app.domain.workspaces.roles import Role
from app.errors import Forbidden, Unauthenticated
from app.secrets import SecretBox, secret_keys
from app.settings import Settings
from tests.support.api import api_client, schedule
from tests.support.engine import execute, rows, value
from tests.support.google import assert_let_in_nobody, begin, come_back, counts, log_in, me, with_login
from tests.support.oidc import FakeProvider, ProviderProcess
from tests.support.people import PEER
from tests.support.waiting import clear_of_the_quarter


async def audited(pool: Pool) -> list[tuple[str, str]]:
    """By people, not by commands."""
    async with pool.connection() as conn:
        rows = await fetch_all(conn, b"SELECT action, subject FROM audit_log WHERE address <> 'local' ORDER BY id")
    return [(row["action"], row["subject"]) for row in rows]


# People who are let in


async def test_somebody_new_gets_an_account_and_is_known_from_then_on(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool
) -> None:
    assert await log_in(browser, provider, "ada") == "/"
    assert await me(browser) == "Ada@example.com"
    first = browser.cookies["reachinbox"]
    assert await log_in(browser, provider, "ada") == "/"
    assert await me(browser) == "Ada@example.com"
    assert browser.cookies["reachinbox"] != first
    assert await counts(pool) == {"users": 1, "identities": 1, "sessions": 2}
    assert await audited(pool) == [("account.created", "google"), ("login", "google"), ("login", "google")]


async def test_two_first_logins_at_once_make_one_account(
    at_fake: httpx.AsyncClient, settings: Settings, database_url: str, fake: FakeProvider, pool: Pool
) -> None:
    async with api_client(with_login(settings, fake.issuer), database_url) as other:
        backs = [(browser, fake.log_in(await begin(browser))) for browser in (at_fake, other)]
        assert await asyncio.gather(*(come_back(*back) for back in backs)) == ["/", "/"]
    assert await counts(pool) == {"users": 1, "identities": 1, "sessions": 2}


async def test_the_first_account_administers(
    browser: httpx.AsyncClient, provider: ProviderProcess, settings: Settings, database_url: str
) -> None:
    await log_in(browser, provider, "ada")
    assert (await browser.get("/api/auth/me")).json()["isAdmin"] is True
    async with api_client(with_login(settings, provider.issuer), database_url) as other:
        await log_in(other, provider, "owner")
        assert (await other.get("/api/auth/me")).json()["isAdmin"] is False


async def test_a_known_identity_stays_itself_whatever_its_address_becomes(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool, user: User
) -> None:
    provider.set_user("moving", email="before@example.com", email_verified=True)
    await log_in(browser, provider, "moving")
    provider.set_user("moving", email=user.email, email_verified=True)
    await log_in(browser, provider, "moving")
    assert await me(browser) == "before@example.com"
    provider.set_user("moving")
    assert await log_in(browser, provider, "moving") == "/"
    assert (await counts(pool))["identities"] == 1


async def test_an_account_is_linked_to_its_verified_address(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool, user: User
) -> None:
    assert await log_in(browser, provider, "owner") == "/"
    assert await me(browser) == user.email
    assert await counts(pool) == {"users": 1, "identities": 1, "sessions": 1}
    assert await audited(pool) == [("account.linked", "google"), ("login", "google")]


async def test_what_opened_an_account_before_its_address_was_proven_opens_it_no_more(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool, user: User
) -> None:
    """A person who registers somebody else's address gets nothing of what its owner does there later."""
    squatter = {"email": "victim@example.com", "password": "I was here first"}
    async with httpx.AsyncClient(base_url=browser.base_url, transport=browser._transport) as early:
        assert (await early.post("/api/auth/register", json=squatter)).status_code == 201
        key = (await early.post("/api/keys", json={"name": "kept"})).json()["key"]
        server = {"email": "victim@example.com", "host": "mx.example.com", "port": 587, "security": "starttls"}
        sender = (await early.post("/api/senders", json=server)).json()
        for each in (await early.get("/api/senders")).json()["items"]:
            mine = {"replyTo": "squatter@example.net"}
            assert (await early.patch(f"/api/senders/{each['id']}", json=mine)).status_code == 200
        signed = {"text": "Write to squatter@example.net"}
        assert (await early.put(f"/api/senders/{sender['id']}/signature", json=signed)).status_code == 200
        own = (await early.get("/api/auth/me")).json()["workspaceId"]
        address = {"postalAddress": "1 Squatter's Lane"}
        assert (await early.patch(f"/api/workspaces/{own}", json=address)).status_code == 200
        hook = {"url": "https://hook.example.com/", "events": ["email.failed"]}
        assert (await early.post("/api/webhooks", json=hook)).status_code == 201
        provider.set_user("victim", email="victim@example.com", email_verified=True)
        assert await log_in(browser, provider, "victim") == "/"
        assert await me(browser) == "victim@example.com"
        assert (await early.get("/api/auth/me")).status_code == 401
        assert (await early.get("/api/auth/me", headers={"Authorization": f"Bearer {key}"})).status_code == 401
        assert (await early.post("/api/auth/login", json=squatter)).status_code == 401
        senders = (await browser.get("/api/senders")).json()["items"]
        assert {(sender["host"], sender["replyTo"]) for sender in senders} == {(None, None)}
        signatures = [(await browser.get(f"/api/senders/{each['id']}/signature")).json() for each in senders]
        assert {(signature["text"], signature["html"]) for signature in signatures} == {("", None)}
        assert [item["postalAddress"] for item in (await browser.get("/api/workspaces")).json()] == [None]
        assert [bool(hook["disabledAt"]) for hook in (await browser.get("/api/webhooks")).json()["items"]] == [True]
    assert ("account.given_back", "") in await audited(pool)


async def test_an_account_proven_by_mail_keeps_its_password_and_sessions_when_linked(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool, user: User, settings: Settings
) -> None:
    registered = {"email": "reader@example.com", "password": "before the reset"}
    async with httpx.AsyncClient(base_url=browser.base_url, transport=browser._transport) as early:
        await early.post("/api/auth/register", json=registered)
        await early.post("/api/auth/reset", json={"email": "reader@example.com"})
        async with pool.connection() as conn:
            reset = await fetch_exactly_one(conn, b"SELECT max(id) AS id FROM password_resets")
        token = reset_signer(*secret_keys(settings)).sign(str(reset["id"]))
        after = {"token": token, "password": "after the reset"}
        assert (await early.post("/api/auth/reset/confirm", json=after)).status_code == 200
        provider.set_user("reader", email="reader@example.com", email_verified=True)
        assert await log_in(browser, provider, "reader") == "/"
        again = await early.post("/api/auth/login", json=registered | {"password": "after the reset"})
        assert again.status_code == 200


async def test_logins_begun_from_one_address_are_limited_but_for_those_that_worked(
    settings: Settings, database_url: str, provider: ProviderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PER_VISITOR", 2)
    await clear_of_the_quarter()
    async with api_client(with_login(settings, provider.issuer), database_url, peer=PEER) as browser:
        for _ in range(3):
            assert await log_in(browser, provider, "ada") == "/"
        answers = [await browser.get("/api/auth/google") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 303]
    assert answers[2].headers["location"] == "/login?error=busy"


async def test_an_account_is_not_linked_to_an_address_that_is_not_verified(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool, user: User
) -> None:
    assert await log_in(browser, provider, "unverified") == "/login?error=unverified"
    await assert_let_in_nobody(browser, pool, users=1)


async def test_nobody_new_is_let_in_without_a_verified_address(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool, subtests: pytest.Subtests
) -> None:
    for claims in (
        {},
        {"email": "eve@example.com"},
        {"email": "eve@example.com", "email_verified": False},
        {"email": "eve@example.com", "email_verified": "true"},
        {"email_verified": True},
        {"email": "eve", "email_verified": True},
    ):
        provider.set_user("eve", **claims)
        with subtests.test(claims=claims):
            assert await log_in(browser, provider, "eve") == "/login?error=unverified"
    await assert_let_in_nobody(browser, pool)


async def test_only_addresses_of_allowed_domains_are_let_in(
    settings: Settings, database_url: str, provider: ProviderProcess, pool: Pool, user: User
) -> None:
    allowed = ("example.net", "bücher.example.org")
    limited = with_login(settings, provider.issuer, google_allowed_domains=allowed)
    provider.set_user("inside", email="grace@Example.net", email_verified=True)
    provider.set_user("international", email="grace@xn--bcher-kva.example.org", email_verified=True)
    provider.set_user("below", email="eve@sub.example.net", email_verified=True)
    provider.set_user("claiming", email="eve@example.net", email_verified=False)
    async with api_client(limited, database_url) as browser:
        for subject, error in (("owner", "domain"), ("below", "domain"), ("claiming", "unverified")):
            assert await log_in(browser, provider, subject) == f"/login?error={error}"
        await assert_let_in_nobody(browser, pool, users=1)
        assert await log_in(browser, provider, "inside") == "/"
        assert await log_in(browser, provider, "international") == "/"


async def test_whoever_was_let_in_before_the_domains_were_limited_is_not_any_more(
    browser: httpx.AsyncClient, settings: Settings, database_url: str, provider: ProviderProcess
) -> None:
    assert await log_in(browser, provider, "ada") == "/"
    limited = with_login(settings, provider.issuer, google_allowed_domains=("example.net",))
    async with api_client(limited, database_url) as later:
        assert await log_in(later, provider, "ada") == "/login?error=domain"


@pytest.mark.parametrize(
    ("claims", "allowed", "led_to"),
    [
        ({"hd": "example.com"}, (), "/"),
        ({"email": "ada@gmail.com"}, (), "/"),
        ({}, (), "/login?error=unverified"),
        ({"hd": None}, (), "/login?error=unverified"),
        ({"hd": "example.com", "email_verified": False}, (), "/login?error=unverified"),
        ({"email": "ada@not-gmail.com"}, (), "/login?error=unverified"),
        ({"hd": "example.com"}, ("example.com",), "/"),
        ({"hd": "example.net"}, ("example.com",), "/"),  # an organization may have several domains, and `hd` is one
        ({"email": "ada@gmail.com"}, ("gmail.com",), "/"),
        ({"hd": "example.com"}, ("example.net",), "/login?error=domain"),
        ({}, ("example.com",), "/login?error=unverified"),
    ],
)
async def test_google_vouches_for_addresses_of_its_own_and_of_organizations_that_it_hosts(
    settings: Settings,
    database_url: str,
    fake: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, Any],
    allowed: tuple[str, ...],
    led_to: str,
) -> None:
    """A private account keeps a company's address that was verified once, also when its person has left the company."""
    monkeypatch.setattr("app.domain.accounts.provider.GOOGLE", fake.issuer)
    fake.forge = lambda good: fake.sign(good | claims)
    async with api_client(with_login(settings, fake.issuer, google_allowed_domains=allowed), database_url) as browser:
        assert await come_back(browser, fake.log_in(await begin(browser))) == led_to


async def test_closed_registration_lets_in_the_invited_and_those_who_are_there(
    settings: Settings, database_url: str, provider: ProviderProcess, pool: Pool, user: User
) -> None:
    async with pool.connection() as conn:
        await conn.execute("UPDATE users SET is_admin = true")
    theirs, adas = [await invite(pool, LOCAL.of(user.id), email) for email in ("grace@example.com", "ada@example.com")]
    closed = with_login(settings, provider.issuer, allow_registration=False)
    async with api_client(closed, database_url) as browser:
        for invitation in (None, "", "made-up\0", str(theirs.token)):
            assert await log_in(browser, provider, "ada", invitation) == "/login?error=closed"
        await assert_let_in_nobody(browser, pool, users=1)
        assert await log_in(browser, provider, "ada", str(adas.token)) == "/"
        assert await log_in(browser, provider, "ada") == "/"
        assert await log_in(browser, provider, "owner") == "/"


async def _into(pool: Pool, user: User, role: Role = "viewer") -> str:
    """The token of an invitation into the user's workspace."""
    return str((await invitations.invite(pool, LOCAL.of(user.id), user.workspace_id, role, None)).token)


async def test_an_invitation_into_a_workspace_lets_somebody_new_in_and_there(
    settings: Settings, database_url: str, provider: ProviderProcess, pool: Pool, user: User
) -> None:
    closed = with_login(settings, provider.issuer, allow_registration=False)
    async with api_client(closed, database_url) as browser:
        assert await log_in(browser, provider, "ada", await _into(pool, user)) == "/"
        answer = (await browser.get("/api/auth/me")).json()
        assert (answer["workspaceId"], answer["role"]) == (user.workspace_id, "viewer")
        names = [item["name"] for item in (await browser.get("/api/workspaces")).json()]
        assert names == ["Ada@example.com", user.email]


async def test_an_invitation_taken_back_while_somebody_logs_in_lets_nobody_in(
    settings: Settings, database_url: str, provider: ProviderProcess, pool: Pool, user: User
) -> None:
    closed = with_login(settings, provider.issuer, allow_registration=False)
    async with api_client(closed, database_url) as browser:
        back = provider.log_in(await begin(browser, await _into(pool, user)), "ada")
        (open_one,) = await invitations.list_invitations(pool, user.workspace_id)
        await invitations.revoke(pool, LOCAL.of(user.id), user.workspace_id, open_one.id)
        assert await come_back(browser, back) == "/login?error=closed"
        await assert_let_in_nobody(browser, pool, users=1)


async def test_whoever_has_an_account_joins_nothing_by_a_link_alone(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool, user: User
) -> None:
    """Any page can have a browser follow one: the invitation is left to be accepted on our own pages."""
    assert await log_in(browser, provider, "ada") == "/"
    token = await _into(pool, user)
    assert await log_in(browser, provider, "ada", token) == "/"
    assert len((await browser.get("/api/workspaces")).json()) == 1
    accepted = await browser.post("/api/members/invitations/accept", json={"token": token})
    assert accepted.json()["workspaceId"] == user.workspace_id


async def test_somebody_removed_while_they_log_in_is_let_in_elsewhere(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool, box: SecretBox, user: User
) -> None:
    assert await log_in(browser, provider, "ada", await _into(pool, user)) == "/"
    ada = (await browser.get("/api/auth/me")).json()
    assert ada["workspaceId"] == user.workspace_id
    back = provider.log_in(await begin(browser), "ada")
    await members.remove(pool, box, LOCAL, user.workspace_id, ada["id"], default_hourly_limit=100)
    assert await come_back(browser, back) == "/"
    assert (await browser.get("/api/auth/me")).json()["workspaceName"] == "Ada@example.com"


async def test_proving_an_address_leaves_the_account_alone_in_its_own_workspace_and_in_no_others(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool, box: SecretBox, user: User
) -> None:
    """A person who registered with it may have let accomplices in, and may have been let in by people who are none."""
    accomplice = await create_user(pool, box, "eve@example.com", "battery staple", default_hourly_limit=100)
    async with httpx.AsyncClient(base_url=browser.base_url, transport=browser._transport) as early:
        await early.post("/api/auth/register", json={"email": "victim@example.com", "password": "I was here first"})
        victim = (await early.get("/api/auth/me")).json()
        own = victim["workspaceId"]
        invitation = (await early.post("/api/members/invitations", json={"role": "owner"})).json()
        left_open, invited = invitation["token"], invitation["id"]
        campaign = (await schedule(early, startTime="2099-01-01T00:00:00Z"))["campaign"]["id"]
        listening = {"url": "https://hook.example.com/", "events": ["email.failed"]}
        hook = (await early.post("/api/webhooks", json=listening)).json()["id"]
        (sender,) = [each["id"] for each in (await early.get("/api/senders")).json()["items"]]
        (await early.patch(f"/api/senders/{sender}", json={"replyTo": "squatter@example.net"})).raise_for_status()
        async with transaction(pool) as conn:
            await members.join(conn, own, accomplice.id, "member")
            await members.join(conn, user.workspace_id, victim["id"], "owner")
        key = await keys.create_key(pool, LOCAL.of(accomplice.id), own, "kept")
        await execute(
            pool,
            "INSERT INTO webhooks (workspace_id, url, events) VALUES (%s, 'https://example.com', '{email.failed}')",
            user.workspace_id,
        )
        before = await value(pool, "SELECT max(id) FROM audit_log")
        provider.set_user("victim2", email="victim@example.com", email_verified=True)
        assert await log_in(browser, provider, "victim2") == "/"
    assert [(item["id"], item["role"]) for item in (await browser.get("/api/workspaces")).json()] == [(own, "owner")]
    assert [member["email"] for member in (await browser.get("/api/members")).json()] == ["victim@example.com"]
    with pytest.raises(Unauthenticated):
        await keys.find_holder(pool, key)
    with pytest.raises(Forbidden):
        await invitations.accept(pool, LOCAL.of(accomplice.id), accomplice.email, left_open)
    # Others' workspace goes on as it was.
    async with pool.connection() as conn:
        enabled = await fetch_all(conn, b"SELECT workspace_id FROM webhooks WHERE disabled_at IS NULL")
        assert enabled == [{"workspace_id": user.workspace_id}]
        people = await fetch_all(
            conn, b"SELECT user_id FROM members WHERE workspace_id = %(id)s", {"id": user.workspace_id}
        )
    assert [person["user_id"] for person in people] == [user.id]
    done = "SELECT action, subject FROM audit_log WHERE workspace_id = %s AND user_id = %s AND id > %s"
    theirs, others = [await rows(pool, done, each, victim["id"], before) for each in (own, user.workspace_id)]
    key_id = await value(pool, "SELECT id FROM api_keys")
    assert {(row["action"], row["subject"]) for row in theirs} == {
        ("member.removed", f"members/{accomplice.id}"),
        ("key.revoked", f"keys/{key_id}"),
        ("member.invitation_revoked", f"members/invitations/{invited}"),
        ("campaign.paused", f"campaigns/{campaign}"),
        ("webhook.changed", f"webhooks/{hook}"),
        ("sender.changed", f"senders/{sender}"),
    }
    assert {(row["action"], row["subject"]) for row in others} == {("member.left", f"members/{victim['id']}")}


async def test_an_account_that_owned_nothing_alone_gets_a_workspace_when_its_address_is_proven(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool, box: SecretBox, user: User
) -> None:
    async with httpx.AsyncClient(base_url=browser.base_url, transport=browser._transport) as early:
        await early.post("/api/auth/register", json={"email": "victim@example.com", "password": "I was here first"})
        victim = (await early.get("/api/auth/me")).json()
        async with transaction(pool) as conn:
            await members.join(conn, victim["workspaceId"], user.id, "owner")
        provider.set_user("victim3", email="victim@example.com", email_verified=True)
        assert await log_in(browser, provider, "victim3") == "/"
    (only,) = (await browser.get("/api/workspaces")).json()
    assert (only["name"], only["role"]) == ("victim@example.com", "owner")
    assert only["id"] != victim["workspaceId"]
