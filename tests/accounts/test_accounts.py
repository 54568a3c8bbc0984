"""Accounts: register, log in and out, passwords, sessions, keys, invitations, and what is written down about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.attempts import PER_ACCOUNT
from app.domain.accounts.password_changes import reset_signer
from app.domain.accounts.users import User
from app.settings import Settings
from tests.support.api import Headers, api_client, problem, schedule, wrong_fields
from tests.support.engine import execute, value
from tests.support.people import use_session
from tests.support.waiting import clear_of_the_quarter

ANN = {"email": "ann@example.com", "password": "correct horse"}
EVIL = {"Origin": "https://evil.example"}


@pytest.fixture
async def visitor(settings: Settings, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody has logged in with, on an installation without any account."""
    async with api_client(settings, database_url, {}) as client:
        yield client


@pytest.fixture
async def ann(visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same, once Ann has registered: she is the administrator."""
    (await visitor.post("/api/auth/register", json=ANN)).raise_for_status()
    return visitor


async def test_the_first_to_register_is_the_administrator_and_has_a_sender(visitor: httpx.AsyncClient) -> None:
    ways = (await visitor.get("/api/auth/ways")).json()
    assert ways == {
        "registration": True,
        "google": False,
        "firstRun": True,
        "sandbox": True,
        "baseUrl": ways["baseUrl"],
        "unsubscribe": "none",
        "oneClick": False,
        "defaultConnections": 5,
        "defaultHourlyLimit": 100,
    }
    registered = await visitor.post("/api/auth/register", json=ANN)
    assert registered.status_code == 201
    assert registered.json() == {
        "id": 1,
        "email": "ann@example.com",
        "isAdmin": True,
        "workspaceId": 1,
        "workspaceName": "ann@example.com",
        "role": "owner",
    }
    assert (await visitor.get("/api/auth/me")).json() == registered.json()
    senders = (await visitor.get("/api/senders")).json()["items"]
    assert [(sender["email"], sender["isDefault"]) for sender in senders] == [("ann@example.com", True)]
    assert (await visitor.get("/api/auth/ways")).json()["firstRun"] is False


async def test_two_who_register_at_once_are_not_both_administrators(visitor: httpx.AsyncClient) -> None:
    people = [{"email": f"p{i}@example.com", "password": "correct horse"} for i in range(6)]
    answers = await asyncio.gather(*(visitor.post("/api/auth/register", json=person) for person in people))
    assert sorted(answer.json()["isAdmin"] for answer in answers) == [False] * 5 + [True]


async def test_a_session_cookie_is_out_of_reach_of_scripts_and_other_sites(ann: httpx.AsyncClient) -> None:
    cookie = (await ann.post("/api/auth/login", json=ANN)).headers["set-cookie"]
    assert cookie.startswith("reachinbox=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


async def test_with_https_the_cookie_is_secure_and_bound_to_the_host(database_url: str, settings: Settings) -> None:
    https = Settings(data_dir=settings.data_dir, secret_key=settings.secret_key, base_url="https://mail.example.com")
    async with api_client(https, database_url, {}) as client:
        answer = await client.post("/api/auth/register", json=ANN)
    assert answer.headers["set-cookie"].startswith("__Host-reachinbox=")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_logging_in_takes_the_right_password_and_minds_no_case_of_the_address(ann: httpx.AsyncClient) -> None:
    ann.cookies.clear()
    for wrong in ({"password": "wrong horse"}, {"email": "bob@example.com"}, {"password": ""}):
        answer = problem(await ann.post("/api/auth/login", json=ANN | wrong), 401)
        assert answer["detail"] == "this address and password do not go together"
    problem(await ann.get("/api/auth/me"), 401)
    assert (await ann.post("/api/auth/login", json=ANN | {"email": " ANN@Example.com"})).status_code == 200
    assert (await ann.get("/api/auth/me")).json()["email"] == "ann@example.com"


async def test_every_login_is_a_session_of_its_own_and_adopts_none(ann: httpx.AsyncClient) -> None:
    before = ann.cookies["reachinbox"]
    await ann.post("/api/auth/login", json=ANN)
    assert ann.cookies["reachinbox"] != before
    chosen = {"Cookie": "reachinbox=chosen-by-somebody-else"}
    problem(await ann.get("/api/auth/me", headers=chosen), 401)
    answer = await ann.post("/api/auth/login", json=ANN, headers=chosen)
    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]


async def test_after_logging_out_the_cookie_opens_nothing(ann: httpx.AsyncClient) -> None:
    token = ann.cookies["reachinbox"]
    assert (await ann.post("/api/auth/logout")).status_code == 204
    assert "reachinbox" not in ann.cookies
    use_session(ann, token)
    problem(await ann.get("/api/auth/me"), 401)


@pytest.mark.parametrize("column", ["last_seen_at = last_seen_at - interval '8 days'", "expires_at = now()"])
async def test_a_session_ends_when_idle_or_old(ann: httpx.AsyncClient, pool: Pool, column: str) -> None:
    await execute(pool, f"UPDATE sessions SET {column}")  # noqa: S608
    problem(await ann.get("/api/auth/me"), 401)


async def test_the_database_holds_no_token_and_no_password(ann: httpx.AsyncClient, pool: Pool) -> None:
    key = (await ann.post("/api/keys", json={"name": "k"})).json()["key"]
    for secret in (ann.cookies["reachinbox"], key, ANN["password"]):
        for table in ("sessions", "api_keys", "users", "audit_log"):
            held = await value(pool, f"SELECT coalesce(string_agg(t::text, ''), '') FROM {table} t")  # noqa: S608
            assert secret not in held


async def test_sessions_are_listed_and_ended_one_by_one(ann: httpx.AsyncClient) -> None:
    first = ann.cookies["reachinbox"]
    await ann.post("/api/auth/login", json=ANN, headers={"User-Agent": "the second browser"})
    here, there = (await ann.get("/api/auth/sessions")).json()
    assert (here["current"], here["userAgent"], there["current"]) == (True, "the second browser", False)
    assert (await ann.delete(f"/api/auth/sessions/{there['id']}")).status_code == 204
    problem(await ann.delete(f"/api/auth/sessions/{there['id']}"), 404)
    use_session(ann, first)
    problem(await ann.get("/api/auth/me"), 401)


async def test_a_new_password_takes_the_old_one_and_logs_out_everywhere_else(ann: httpx.AsyncClient) -> None:
    elsewhere = ann.cookies["reachinbox"]
    await ann.post("/api/auth/login", json=ANN)
    here = ann.cookies["reachinbox"]
    wrong = {"currentPassword": "wrong horse", "newPassword": "battery staple"}
    assert set(wrong_fields(await ann.post("/api/auth/password", json=wrong))) == {"currentPassword"}
    right = {"currentPassword": ANN["password"], "newPassword": "battery staple"}
    assert (await ann.post("/api/auth/password", json=right)).json() == {"keysRevoked": 0}
    assert (await ann.get("/api/auth/me")).status_code == 200
    use_session(ann, elsewhere)
    problem(await ann.get("/api/auth/me"), 401)
    use_session(ann, here)
    problem(await ann.post("/api/auth/login", json=ANN), 401)
    assert (await ann.post("/api/auth/login", json=ANN | {"password": "battery staple"})).status_code == 200


async def test_a_password_that_changes_while_it_is_checked_opens_nothing(
    ann: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def right_but_slow(_password: str, _hashed: str | None, _whose: str) -> bool:
        await execute(pool, "UPDATE users SET password_hash = 'another'")
        await execute(pool, "DELETE FROM sessions WHERE id <> (SELECT max(id) FROM sessions)")
        return True

    here = ann.cookies["reachinbox"]
    hashed = await value(pool, "SELECT password_hash FROM users")
    monkeypatch.setattr("app.domain.accounts.login.is_password", right_but_slow)
    monkeypatch.setattr("app.domain.accounts.password_changes.is_password", right_but_slow)
    problem(await ann.post("/api/auth/login", json=ANN), 401)
    assert await value(pool, "SELECT count(*) FROM sessions") == 1
    await execute(pool, "UPDATE users SET password_hash = %s", hashed)
    use_session(ann, here)
    change = {"currentPassword": ANN["password"], "newPassword": "battery staple"}
    assert set(wrong_fields(await ann.post("/api/auth/password", json=change))) == {"currentPassword"}
    assert await value(pool, "SELECT password_hash FROM users") == "another"


async def test_attempts_are_limited_by_account_also_when_they_come_at_once(ann: httpx.AsyncClient) -> None:
    await clear_of_the_quarter()
    wrong = ANN | {"password": "wrong horse"}
    answers = await asyncio.gather(*(ann.post("/api/auth/login", json=wrong) for _ in range(PER_ACCOUNT + 10)))
    assert sorted(answer.status_code for answer in answers) == [401] * PER_ACCOUNT + [429] * 10
    refused = await ann.post("/api/auth/login", json=ANN)  # the right password makes no difference now
    problem(refused, 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 900


async def test_a_login_that_works_starts_the_count_anew(ann: httpx.AsyncClient) -> None:
    for _ in range(2):
        for _ in range(PER_ACCOUNT - 1):
            problem(await ann.post("/api/auth/login", json=ANN | {"password": "wrong horse"}), 401)
        assert (await ann.post("/api/auth/login", json=ANN)).status_code == 200


@pytest.mark.parametrize(
    "headers", [EVIL, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}]
)
async def test_a_page_of_another_site_can_neither_write_nor_log_anybody_in(
    ann: httpx.AsyncClient, headers: Headers
) -> None:
    problem(await ann.post("/api/auth/login", json=ANN, headers=headers), 403)
    problem(await ann.post("/api/auth/register", json=ANN | {"email": "b@example.com"}, headers=headers), 403)
    problem(await ann.post("/api/senders", json={"email": "ann@example.org"}, headers=headers), 403)
    problem(await ann.post("/api/auth/logout", headers=headers), 403)
    assert len((await ann.get("/api/senders")).json()["items"]) == 1


async def test_a_page_of_another_account_neither_reads_nor_writes(
    ann: httpx.AsyncClient, subtests: pytest.Subtests
) -> None:
    me = (await ann.get("/api/auth/me")).json()
    own, elsewhere = f"{me['id']}.{me['workspaceId']}", f"{me['id']}.{me['workspaceId'] + 1}"
    for named, allowed in ((own, True), (elsewhere, False), ("99.99", False), ("", True), ("nobody", False)):
        with subtests.test(named=named):
            headers, address = {"ReachInbox-Acting-As": named}, f"/api/senders?actingAs={named}"
            sender = {"email": "b@example.com"}
            answers = [
                await ann.get("/api/senders", headers=headers),
                await ann.get(address),
                await ann.post("/api/senders", json=sender, headers=headers),
                await ann.get("/api/events?actingAs=" + named) if not allowed else None,
            ]
            for answer in filter(None, answers):
                if allowed:
                    assert answer.is_success
                else:
                    assert problem(answer, 409)["type"] == "urn:reachinbox:problem:another_account"
    assert (await ann.get("/api/auth/ways", headers={"ReachInbox-Acting-As": "99.99"})).is_success  # it is nobody's


async def test_our_own_pages_write(ann: httpx.AsyncClient) -> None:
    for number, headers in enumerate(({"Sec-Fetch-Site": "same-origin"}, {"Origin": str(ann.base_url)})):
        sender = {"email": f"ann{number}@example.org"}
        assert (await ann.post("/api/senders", json=sender, headers=headers)).status_code == 201


async def test_a_key_does_what_its_scopes_say(ann: httpx.AsyncClient) -> None:
    made = {}
    for scope in ("read", "send", "admin"):
        key = (await ann.post("/api/keys", json={"name": scope, "scopes": [scope]})).json()["key"]
        made[scope] = {"Authorization": f"Bearer {key}"}
    campaign = await schedule(ann)
    allowed = {
        ("GET", "/api/campaigns"): "read",
        ("POST", f"/api/campaigns/{campaign['campaign']['id']}/pause"): "send",
        ("GET", "/api/keys"): "admin",
        ("GET", "/api/admin/users"): "admin",
    }
    for (method, path), needed in allowed.items():
        for scope, headers in made.items():
            answer = await ann.request(method, path, headers=headers)
            assert answer.status_code == (200 if scope == needed else 403), (method, path, scope)


async def test_a_key_of_any_scope_opens_the_workspace_and_not_its_maker(ann: httpx.AsyncClient, pool: Pool) -> None:
    key = {"Authorization": f"Bearer {(await ann.post('/api/keys', json={'name': 'script'})).json()['key']}"}
    (session,) = (await ann.get("/api/auth/sessions")).json()
    await execute(pool, "UPDATE users SET password_hash = NULL")  # as of whoever logs in with Google: none is asked for
    for answer in (
        await ann.post("/api/auth/password", json={"newPassword": "taken over"}, headers=key),
        await ann.get("/api/auth/sessions", headers=key),
        await ann.delete(f"/api/auth/sessions/{session['id']}", headers=key),
    ):
        assert problem(answer, 403)["detail"] == "an API key belongs to one workspace; log in to do this"
    actions = {entry["action"] for entry in (await ann.get("/api/audit", headers=key)).json()["items"]}
    assert actions == {"key.created"}
    assert (await ann.post("/api/auth/password", json={"newPassword": "her own words"})).status_code == 200


async def test_a_key_is_shown_once_recognised_by_its_prefix_and_ends(ann: httpx.AsyncClient, pool: Pool) -> None:
    made = (await ann.post("/api/keys", json={"name": "script"})).json()
    listed = (await ann.get("/api/keys")).json()["items"][0]
    assert "key" not in listed
    assert made["key"].startswith(listed["prefix"])
    bearer = {"Authorization": f"Bearer {made['key']}"}
    assert (await ann.get("/api/auth/me", headers=bearer)).status_code == 200
    assert (await ann.get("/api/keys")).json()["items"][0]["lastUsedAt"] is not None
    assert (await ann.delete(f"/api/keys/{made['id']}")).status_code == 204
    problem(await ann.get("/api/auth/me", headers=bearer), 401)
    problem(await ann.delete(f"/api/keys/{made['id']}"), 404)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    ending = (await ann.post("/api/keys", json={"name": "ends", "expiresAt": soon})).json()
    bearer = {"Authorization": f"Bearer {ending['key']}"}
    assert (await ann.get("/api/auth/me", headers=bearer)).status_code == 200
    await execute(pool, "UPDATE api_keys SET expires_at = now() WHERE id = %s", ending["id"])
    problem(await ann.get("/api/auth/me", headers=bearer), 401)


async def test_wrong_keys_are_refused_beside_the_field(ann: httpx.AsyncClient) -> None:
    for body, field in (
        ({"name": ""}, "name"),
        ({"name": "k", "scopes": []}, "scopes"),
        ({"name": "k", "scopes": ["root"]}, "scopes"),
        ({"name": "k", "expiresAt": "2030-01-01T00:00:00"}, "expiresAt"),
        ({"name": "k", "expiresAt": "0001-01-01T00:00:00+14:00"}, "expiresAt"),
        ({"name": "k", "expiresAt": "9999-12-31T23:59:59-14:00"}, "expiresAt"),
    ):
        assert {name.split("[")[0] for name in wrong_fields(await ann.post("/api/keys", json=body))} == {field}


async def test_closed_registration_opens_for_an_invitation_once(database_url: str, settings: Settings) -> None:
    closed = Settings(data_dir=settings.data_dir, secret_key=settings.secret_key, allow_registration=False)
    async with api_client(closed, database_url, {}) as admin, api_client(closed, database_url, {}) as guest:
        (await admin.post("/api/auth/register", json=ANN)).raise_for_status()  # the first always may
        bob = {"email": "bob@example.com", "password": "battery staple"}
        problem(await guest.post("/api/auth/register", json=bob), 403)
        invitation = (await admin.post("/api/admin/invitations", json={"email": "Bob@example.com"})).json()
        token = {"invitation": invitation["token"]}
        problem(await guest.post("/api/auth/register", json=bob | token | {"email": "eve@example.com"}), 403)
        assert (await guest.post("/api/auth/register", json=bob | token)).json()["isAdmin"] is False
        problem(await guest.post("/api/auth/register", json=bob | token | {"email": "bob@example.com"}), 403)
        (used,) = (await admin.get("/api/admin/invitations")).json()["items"]
        assert used["usedAt"] is not None
        assert "token" not in used
        other = (await admin.post("/api/admin/invitations", json={})).json()
        assert (await admin.delete(f"/api/admin/invitations/{other['id']}")).status_code == 204
        more = [(await admin.post("/api/admin/invitations", json={})).json()["id"] for _ in range(2)]
        page = (await admin.get("/api/admin/invitations", params={"limit": 2})).json()
        last = (await admin.get("/api/admin/invitations", params={"cursor": page["nextCursor"]})).json()
        assert [i["id"] for i in page["items"] + last["items"]] == [*more[::-1], used["id"]]
        assert last["nextCursor"] is None
        problem(await guest.post("/api/auth/register", json=ANN | {"invitation": other["token"]}), 403)
        problem(await guest.get("/api/admin/users"), 403)
        problem(await guest.post("/api/admin/invitations", json={}), 403)
        people = (await admin.get("/api/admin/users")).json()["items"]
        assert [person["email"] for person in people] == ["ann@example.com", "bob@example.com"]


async def test_closed_registration_opens_for_an_invitation_into_a_workspace(
    database_url: str, settings: Settings
) -> None:
    closed = Settings(data_dir=settings.data_dir, secret_key=settings.secret_key, allow_registration=False)
    async with api_client(closed, database_url, {}) as owner, api_client(closed, database_url, {}) as guest:
        (await owner.post("/api/auth/register", json=ANN)).raise_for_status()
        made = await owner.post("/api/members/invitations", json={"role": "member", "email": "Bob@example.com"})
        bob = {"email": "bob@example.com", "password": "battery staple", "invitation": made.json()["token"]}
        problem(await guest.post("/api/auth/register", json=bob | {"email": "eve@example.com"}), 403)
        answer = (await guest.post("/api/auth/register", json=bob)).json()
        assert (answer["workspaceName"], answer["role"], answer["isAdmin"]) == ("ann@example.com", "member", False)
        assert answer == (await guest.get("/api/auth/me")).json()
        names = [item["name"] for item in (await guest.get("/api/workspaces")).json()]
        assert names == ["bob@example.com", "ann@example.com"]
        problem(await guest.post("/api/auth/register", json=bob | {"email": "bob@example.org"}), 403)
        assert (await owner.get("/api/members/invitations")).json()[0]["usedAt"] is not None


async def test_a_reset_link_works_once_and_only_as_signed(
    ann: httpx.AsyncClient, pool: Pool, settings: Settings
) -> None:
    for email in ("ann@example.com", "nobody@example.com"):  # the answer does not tell which has an account
        assert (await ann.post("/api/auth/reset", json={"email": email})).status_code == 202
    assert await value(pool, "SELECT count(*) FROM password_resets") == 1
    assert await value(pool, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'send_password_reset'") == 1
    token = reset_signer(settings.secret_key or "").sign(str(await value(pool, "SELECT id FROM password_resets")))
    new = {"password": "battery staple"}
    for forged in ("", "1", "1.", "2." + token.partition(".")[2], reset_signer("another key").sign("1")):
        answer = await ann.post("/api/auth/reset/confirm", json=new | {"token": forged})
        assert set(wrong_fields(answer)) == {"token"}
    assert (await ann.post("/api/auth/reset/confirm", json=new | {"token": token})).json() == {"keysRevoked": 0}
    problem(await ann.get("/api/auth/me"), 401)  # logged out everywhere
    assert set(wrong_fields(await ann.post("/api/auth/reset/confirm", json=new | {"token": token}))) == {"token"}
    assert (await ann.post("/api/auth/login", json=ANN | new)).status_code == 200


async def test_a_reset_link_expires(ann: httpx.AsyncClient, pool: Pool, settings: Settings) -> None:
    await ann.post("/api/auth/reset", json={"email": "ann@example.com"})
    token = reset_signer(settings.secret_key or "").sign(str(await value(pool, "SELECT id FROM password_resets")))
    await execute(pool, "UPDATE password_resets SET expires_at = now()")
    body = {"token": token, "password": "battery staple"}
    assert set(wrong_fields(await ann.post("/api/auth/reset/confirm", json=body))) == {"token"}


async def test_registering_badly_is_refused_beside_the_field(ann: httpx.AsyncClient) -> None:
    bob = {"email": "bob@example.com", "password": "battery staple"}
    assert set(wrong_fields(await ann.post("/api/auth/register", json=bob | {"email": "bob"}))) == {"email"}
    assert set(wrong_fields(await ann.post("/api/auth/register", json=bob | {"password": "short"}))) == {"password"}
    problem(await ann.post("/api/auth/register", json=bob | {"email": "ANN@example.com"}), 409)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("password", "This is a top-10 common password."),
        ("P@ssw0rd1", "This is similar to a commonly used password."),
        ("qwertyuiop", "This is a top-100 common password."),
        ("ann@example.com", "It is among the first that somebody would try."),
        ("a" * 1000, 'Repeats like "aaa" are easy to guess.'),
    ],
)
async def test_a_password_that_is_easy_to_guess_is_refused_beside_the_field(
    ann: httpx.AsyncClient, pool: Pool, settings: Settings, password: str, why: str
) -> None:
    said = f"is easy to guess. {why} Take some words that have nothing to do with each other."
    if password != ANN["email"]:  # which is somebody else's
        bob = {"email": "bob@example.com", "password": password}
        assert wrong_fields(await ann.post("/api/auth/register", json=bob)) == {"password": said}
    change = {"currentPassword": ANN["password"], "newPassword": password}
    assert wrong_fields(await ann.post("/api/auth/password", json=change)) == {"newPassword": said}
    await ann.post("/api/auth/reset", json={"email": "ann@example.com"})
    token = reset_signer(settings.secret_key or "").sign(str(await value(pool, "SELECT id FROM password_resets")))
    reset = {"token": token, "password": password}
    assert wrong_fields(await ann.post("/api/auth/reset/confirm", json=reset)) == {"password": said}
    good = {"token": token, "password": "battery staple"}  # what was refused has not used the link
    assert (await ann.post("/api/auth/reset/confirm", json=good)).status_code == 200


@pytest.mark.parametrize(
    "password", ["battery staple", "日本語のパスワード", "4@8({<369&!1|05$7+%2zs" * 40, "xkcdjwqp"]
)
async def test_a_password_that_is_hard_to_guess_is_taken_whatever_it_is_of(
    ann: httpx.AsyncClient, password: str
) -> None:
    change = {"currentPassword": ANN["password"], "newPassword": password}
    assert (await ann.post("/api/auth/password", json=change)).status_code == 200


async def test_the_log_says_who_did_what_and_from_where(ann: httpx.AsyncClient) -> None:
    await ann.post("/api/auth/login", json=ANN | {"password": "wrong horse"})
    await ann.post("/api/auth/login", json=ANN, headers={"User-Agent": "a browser"})
    key = (await ann.post("/api/keys", json={"name": "k"})).json()
    await ann.delete(f"/api/keys/{key['id']}")
    sender = (await ann.post("/api/senders", json={"email": "ann@example.org"})).json()
    await ann.patch(f"/api/senders/{sender['id']}", json={"hourlyLimit": 5})
    await ann.delete(f"/api/senders/{sender['id']}")
    entries = (await ann.get("/api/audit")).json()["items"]
    assert [(entry["action"], entry["subject"]) for entry in reversed(entries)] == [
        ("account.created", ""),
        ("login.failed", ""),
        ("login", ""),
        ("key.created", f"keys/{key['id']}"),
        ("key.revoked", f"keys/{key['id']}"),
        ("sender.created", f"senders/{sender['id']}"),
        ("sender.changed", f"senders/{sender['id']}"),
        ("sender.deleted", f"senders/{sender['id']}"),
    ]
    assert entries[5]["userAgent"] == "a browser"
    assert all(entry["address"] for entry in entries)


async def test_a_strangers_log_sessions_and_keys_are_out_of_reach(
    api: httpx.AsyncClient, user: User, stranger: Headers
) -> None:
    key = (await api.post("/api/keys", json={"name": "k"})).json()
    problem(await api.delete(f"/api/keys/{key['id']}", headers=stranger), 404)
    assert (await api.get("/api/audit", headers=stranger)).json()["items"][0]["action"] == "key.created"
    assert len((await api.get("/api/audit", headers=stranger)).json()["items"]) == 1


async def test_every_answer_tells_browsers_what_it_may_do(ann: httpx.AsyncClient) -> None:
    for answer in (await ann.get("/api/auth/me"), await ann.get("/nothing/here"), await ann.get("/healthz")):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
    assert (await ann.get("/api/auth/me")).headers["cache-control"] == "no-store"
