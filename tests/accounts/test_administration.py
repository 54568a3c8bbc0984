"""Acts of the administrator on others: accounts disabled and enabled, sessions ended, keys revoked, the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.accounts import password_changes
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.password_changes import reset_signer
from app.settings import Settings
from tests.support.api import problem, schedule
from tests.support.engine import execute, rows, value
from tests.support.google import log_in, with_login
from tests.support.oidc import ProviderProcess
from tests.support.people import PASSWORD, Visit, bring_in, invite, make_key, register, visitors
from tests.support.tenants import clean_up

EVE = {"email": "eve@example.com", "password": PASSWORD}


@pytest.fixture
async def visit(settings: Settings, database_url: str, provider: ProviderProcess) -> AsyncIterator[Visit]:
    async with visitors(with_login(settings, provider.issuer), database_url) as visit:
        yield visit


@pytest.fixture
async def ann(visit: Visit) -> httpx.AsyncClient:
    """She administers the installation."""
    browser = await visit()
    await register(browser, "ann")
    return browser


@pytest.fixture
async def eve(visit: Visit, ann: httpx.AsyncClient) -> httpx.AsyncClient:
    browser = await visit()
    await register(browser, "eve")
    return browser


async def act(admin: httpx.AsyncClient, what: str, person: httpx.AsyncClient | int, **body: Any) -> Any:
    """POST /api/admin/users/{id}/{what}; the answer's body."""
    person_id = person if isinstance(person, int) else (await me_of(person))["id"]
    answer = await admin.post(f"/api/admin/users/{person_id}/{what}", json=body if what == "disable" else None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def me_of(browser: httpx.AsyncClient) -> dict[str, Any]:
    return (await browser.get("/api/auth/me")).raise_for_status().json()


async def accounts(admin: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    return (await admin.get("/api/admin/users", params=query)).raise_for_status().json()["items"]


async def audited(pool: Pool, *actions: str) -> list[tuple[str, str]]:
    found = await rows(pool, "SELECT action, subject FROM audit_log WHERE action = ANY (%s) ORDER BY id", list(actions))
    return [(row["action"], row["subject"]) for row in found]


async def test_a_disabled_account_opens_nothing_until_it_is_enabled(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, visit: Visit, pool: Pool, settings: Settings
) -> None:
    key, token, stranger = await make_key(eve), await invite(eve), await visit()
    await eve.post("/api/auth/reset", json={"email": EVE["email"]})
    link = reset_signer(settings.secret_key or "").sign(str(await value(pool, "SELECT id FROM password_resets")))
    answer = await act(ann, "disable", eve)
    assert answer["account"]["disabledAt"] is not None
    assert (answer["account"]["sessions"], answer["account"]["keys"], answer["campaignsPaused"]) == (0, 1, 0)

    problem(await eve.get("/api/auth/me"), 401)  # the session
    problem(await stranger.get("/api/auth/me", headers=key), 401)
    refused = problem(await eve.post("/api/auth/login", json=EVE), 403)
    assert refused["detail"] == "this account is disabled; ask the administrator"
    problem(await eve.post("/api/auth/login", json=EVE | {"password": "wrong horse"}), 401)  # tells nothing
    new = {"token": link, "password": "battery staple"}
    assert (await eve.post("/api/auth/reset/confirm", json=new)).status_code == 422
    assert (await eve.post("/api/auth/reset", json={"email": EVE["email"]})).status_code == 202
    assert await value(pool, "SELECT count(*) FROM password_resets") == 1  # no further one
    problem(await stranger.post("/api/auth/invitation", json={"token": token}), 404)
    bob = {"email": "bob@example.com", "password": PASSWORD, "invitation": token}
    problem(await stranger.post("/api/auth/register", json=bob), 403)
    problem(await stranger.post("/api/auth/register", json=EVE), 409)  # her address is hers

    eve_id = answer["account"]["id"]
    assert (await act(ann, "enable", eve_id))["disabledAt"] is None
    problem(await eve.get("/api/auth/me"), 401)  # what was ended stays ended
    assert (await stranger.get("/api/auth/me", headers=key)).status_code == 200
    assert (await eve.post("/api/auth/login", json=EVE)).status_code == 200
    assert await audited(pool, "account.disabled", "account.enabled", "login.disabled") == [
        ("account.disabled", f"users/{eve_id}"),
        ("login.disabled", ""),
        ("account.enabled", f"users/{eve_id}"),
    ]


async def test_a_disabled_account_does_not_log_in_at_the_provider_either(
    ann: httpx.AsyncClient, visit: Visit, provider: ProviderProcess, pool: Pool
) -> None:
    provider.set_user("known", email="known@example.com", email_verified=True)
    browser = await visit()
    assert await log_in(browser, provider, "known") == "/"
    await register(await visit(), "linked")  # by its address, when it comes
    provider.set_user("linked", email="linked@example.com", email_verified=True)
    for account in await accounts(ann):
        if not account["isAdmin"]:
            await act(ann, "disable", account["id"])
    for name in ("known", "linked"):
        assert await log_in(browser, provider, name) == "/login?error=disabled"
    assert await value(pool, "SELECT count(*) FROM identities") == 1


async def test_a_session_that_began_at_the_same_moment_opens_nothing(eve: httpx.AsyncClient, pool: Pool) -> None:
    """As when its login commits after the sessions were ended."""
    await execute(pool, "UPDATE users SET disabled_at = now() WHERE email = %s", EVE["email"])
    problem(await eve.get("/api/auth/me"), 401)


async def test_neither_oneself_nor_the_last_administrator_is_disabled(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, pool: Pool
) -> None:
    ann_id, eve_id = (await me_of(ann))["id"], (await me_of(eve))["id"]
    problem(await ann.post(f"/api/admin/users/{ann_id}/disable", json={}), 409)
    await execute(pool, "UPDATE users SET is_admin = true WHERE id = %s", eve_id)
    problem(await ann.post(f"/api/admin/users/{ann_id}/disable", json={}), 409)
    await act(ann, "disable", eve_id)
    await execute(pool, "UPDATE users SET disabled_at = NULL WHERE id = %s", eve_id)
    await execute(pool, "UPDATE users SET disabled_at = now() WHERE id = %s", ann_id)
    await eve.post("/api/auth/login", json=EVE)
    await act(eve, "enable", ann_id)
    await act(eve, "disable", ann_id)  # one of two


async def test_nobody_else_does_any_of_this(ann: httpx.AsyncClient, eve: httpx.AsyncClient) -> None:
    ann_id = (await me_of(ann))["id"]
    for what in ("disable", "enable", "end-sessions", "revoke-keys"):
        problem(await eve.post(f"/api/admin/users/{ann_id}/{what}", json={}), 403)
    problem(await eve.get("/api/admin/audit"), 403)
    problem(await ann.post("/api/admin/users/999/disable", json={}), 404)
    for what in ("enable", "end-sessions", "revoke-keys"):
        problem(await ann.post(f"/api/admin/users/999/{what}"), 404)


async def test_campaigns_of_a_disabled_account_go_on_unless_they_are_paused(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, visit: Visit, pool: Pool
) -> None:
    bob = await visit()
    await register(bob, "bob")
    start = {"startTime": "2099-01-01T00:00:00Z"}
    own = (await schedule(eve, **start))["campaign"]["id"]
    await eve.post("/api/workspaces", json={"name": "Shared"})
    shared_id = next(w["id"] for w in (await eve.get("/api/workspaces")).json() if w["name"] == "Shared")
    await eve.post(f"/api/workspaces/{shared_id}/select")
    await bring_in(eve, bob, "owner")
    shared = (await schedule(eve, **start))["campaign"]["id"]
    assert (await act(ann, "disable", eve))["campaignsPaused"] == 0
    assert await value(pool, "SELECT count(*) FROM campaigns WHERE status = 'ACTIVE'") == 2
    eve_id = await value(pool, "SELECT id FROM users WHERE email = %s", EVE["email"])
    assert (await act(ann, "disable", eve_id, pauseCampaigns=True))["campaignsPaused"] == 1
    states = {row["id"]: row["status"] for row in await rows(pool, "SELECT id, status FROM campaigns")}
    assert states == {own: "PAUSED", shared: "ACTIVE"}
    assert await audited(pool, "campaign.paused") == [("campaign.paused", f"campaigns/{own}")]


async def test_sessions_and_keys_are_ended_in_all_workspaces(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, pool: Pool
) -> None:
    await bring_in(ann, eve, "owner")
    first = await make_key(eve)
    own = next(w["id"] for w in (await eve.get("/api/workspaces")).json() if w["name"] == "eve@example.com")
    await eve.post(f"/api/workspaces/{own}/select")
    second, of_ann, eve_id = await make_key(eve), await make_key(ann), (await me_of(eve))["id"]
    assert (await act(ann, "revoke-keys", eve_id))["keys"] == 0
    for key in (first, second):
        problem(await eve.get("/api/auth/me", headers=key), 401)
    assert (await ann.get("/api/auth/me", headers=of_ann)).status_code == 200
    assert (await eve.get("/api/auth/me")).status_code == 200
    assert (await act(ann, "end-sessions", eve_id))["sessions"] == 0
    problem(await eve.get("/api/auth/me"), 401)
    assert (await eve.post("/api/auth/login", json=EVE)).status_code == 200
    assert [action for action, _ in await audited(pool, "keys.revoked", "sessions.ended", "key.revoked")] == [
        *["key.revoked"] * 2,
        "keys.revoked",
        "sessions.ended",
    ]


async def test_accounts_are_found_by_a_part_of_their_address_and_paged(ann: httpx.AsyncClient, visit: Visit) -> None:
    for name in ("eve", "Evelyn", "steve", "50%_off"):
        await register(await visit(), name)
    listed = await accounts(ann)
    assert [account["email"] for account in listed][:2] == ["ann@example.com", "eve@example.com"]
    assert (listed[0]["sessions"], listed[0]["keys"], listed[0]["disabledAt"]) == (1, 0, None)
    assert [account["email"] for account in await accounts(ann, q="EVE")] == [
        "eve@example.com",
        "Evelyn@example.com",
        "steve@example.com",
    ]
    assert len(await accounts(ann, q="%_")) == 1
    first = (await ann.get("/api/admin/users", params={"q": "eve", "limit": 2})).json()
    rest = await accounts(ann, q="eve", limit=2, cursor=first["nextCursor"])
    assert [account["email"] for account in rest] == ["steve@example.com"]
    for wrong in ("\0", "x" * 321):
        problem(await ann.get("/api/admin/users", params={"q": wrong}), 422)


async def test_a_removed_account_leaves_its_workspaces_to_an_heir(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, visit: Visit, pool: Pool
) -> None:
    bob = await visit()
    await register(bob, "bob")
    key, me, heir = await make_key(eve), await me_of(eve), await me_of(bob)
    campaign = (await schedule(eve, ["a@example.net"], startTime="2099-01-01T00:00:00Z"))["campaign"]
    refused = await ann.post(f"/api/admin/users/{me['id']}/remove", json={})
    assert "campaigns that are not over: 1" in problem(refused, 409)["detail"]
    for nobody in (me["id"], 999):
        problem(await ann.post(f"/api/admin/users/{me['id']}/remove", json={"heirId": nobody}), 422)
    answer = await ann.post(f"/api/admin/users/{me['id']}/remove", json={"heirId": heir["id"]})
    assert answer.status_code == 204, answer.text
    problem(await eve.get("/api/auth/me"), 401)
    problem(await bob.get("/api/auth/me", headers=key), 401)
    problem(await eve.post("/api/auth/login", json=EVE), 401)
    (await bob.post(f"/api/workspaces/{me['workspaceId']}/select")).raise_for_status()
    assert (await bob.get(f"/api/campaigns/{campaign['id']}")).json()["status"] == "ACTIVE"
    assert [account["email"] for account in await accounts(ann)] == ["ann@example.com", "bob@example.com"]
    problem(await ann.post(f"/api/admin/users/{me['id']}/remove", json={}), 404)
    problem(await ann.post(f"/api/admin/users/{(await me_of(ann))['id']}/remove", json={}), 409)
    problem(await bob.post(f"/api/admin/users/{heir['id']}/remove", json={}), 403)


async def test_a_removed_account_without_an_heir_takes_what_it_alone_owned_along(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, pool: Pool
) -> None:
    await bring_in(eve, ann, "member")
    me = await me_of(eve)
    assert (await ann.post(f"/api/admin/users/{me['id']}/remove", json={})).status_code == 204
    assert await value(pool, "SELECT deleted_at IS NOT NULL FROM workspaces WHERE id = %s", me["workspaceId"])
    assert me["workspaceId"] not in {workspace["id"] for workspace in (await ann.get("/api/workspaces")).json()}
    assert await audited(pool, "workspace.deleted", "account.removed") == [
        ("workspace.deleted", f"workspaces/{me['workspaceId']}"),
        ("account.removed", f"users/{me['id']}"),
    ]


async def test_a_removed_account_is_nowhere(ann: httpx.AsyncClient, visit: Visit, pool: Pool) -> None:
    """One that was invited and invited others, logged in badly, made a key, kept a draft and owned a workspace."""
    zoe = await visit()
    await register(zoe, "zoe")
    await invite(zoe)
    await make_key(zoe)
    (await zoe.post("/api/drafts", json={"name": "Mine", "content": {}})).raise_for_status()
    (await ann.post("/api/admin/invitations", json={"email": "Zoe@example.com"})).raise_for_status()
    await execute(pool, "UPDATE invitations SET used_at = now()")
    token = await invite(ann, email="zoe@example.com")
    (await zoe.post("/api/members/invitations/accept", json={"token": token})).raise_for_status()
    problem(
        await (await visit()).post("/api/auth/login", json={"email": "zoe@example.com", "password": "battery staple"}),
        401,
    )
    places = {"users", "workspaces", "senders", "invitations", "workspace_invitations", "login_attempts"}
    assert await _naming(pool, "zoe@example.com") == places

    answer = await ann.post(f"/api/admin/users/{(await me_of(zoe))['id']}/remove", json={})
    assert answer.status_code == 204, answer.text
    await execute(pool, "UPDATE login_attempts SET window_start = window_start - interval '2 days'")
    await clean_up(pool)
    assert await _naming(pool, "zoe@example.com") == set()


async def _naming(pool: Pool, text: str) -> set[str]:
    """The tables that hold the text in whatever case."""
    tables = await rows(pool, "SELECT table_name AS t FROM information_schema.tables WHERE table_schema = 'public'")
    count = "SELECT count(*) FROM {} x WHERE x::text ILIKE %s"
    return {each["t"] for each in tables if await value(pool, count.format(each["t"]), f"%{text}%")}


async def test_the_administrator_hands_over_a_link_to_a_new_password(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, pool: Pool
) -> None:
    """UX.md B7: without SMTP_HOST a link goes where nobody reads it."""
    key = await make_key(eve)
    me = await me_of(eve)
    link = await act(ann, "reset-link", me["id"])
    body = {"token": link["token"], "password": "battery staple"}
    assert (await eve.post("/api/auth/reset/confirm", json=body)).json() == {"keysRevoked": 1}
    problem(await eve.get("/api/auth/me"), 401)
    problem(await ann.get("/api/auth/me", headers=key), 401)
    problem(await eve.post("/api/auth/reset/confirm", json=body), 422)
    assert (await eve.post("/api/auth/login", json=EVE | {"password": "battery staple"})).status_code == 200
    # It came by no mail, so the address is as unproven as before, and what the account had set up goes on.
    assert await value(pool, "SELECT email_proven_at FROM users WHERE id = %s", me["id"]) is None
    assert await audited(pool, "password.link_made", "account.given_back") == [
        ("password.link_made", f"users/{me['id']}")
    ]
    problem(await eve.post(f"/api/admin/users/{me['id']}/reset-link"), 403)
    problem(await ann.post("/api/admin/users/999/reset-link"), 404)
    await act(ann, "disable", me["id"])
    problem(await ann.post(f"/api/admin/users/{me['id']}/reset-link"), 409)


@pytest.mark.parametrize("way", ["reset", "change", "change without"])
async def test_keys_end_with_a_reset_and_with_a_change_where_that_is_asked(
    eve: httpx.AsyncClient, ann: httpx.AsyncClient, pool: Pool, settings: Settings, way: str
) -> None:
    """Finding 16: whoever stole a key kept it."""
    await bring_in(ann, eve, "owner")
    made = [await make_key(eve)]
    own = next(w["id"] for w in (await eve.get("/api/workspaces")).json() if w["name"] == "eve@example.com")
    await eve.post(f"/api/workspaces/{own}/select")
    made.append(await make_key(eve))
    if way == "reset":
        await eve.post("/api/auth/reset", json={"email": EVE["email"]})
        await execute(pool, "UPDATE users SET email_proven_at = now()")
        token = reset_signer(settings.secret_key or "").sign(str(await value(pool, "SELECT id FROM password_resets")))
        answer = await eve.post("/api/auth/reset/confirm", json={"token": token, "password": "battery staple"})
    else:
        body = {"currentPassword": PASSWORD, "newPassword": "battery staple"}
        answer = await eve.post("/api/auth/password", json=body | ({"revokeKeys": True} if way == "change" else {}))
    assert answer.json() == {"keysRevoked": 0 if way == "change without" else 2}
    statuses = {(await ann.get("/api/auth/me", headers=key)).status_code for key in made}
    assert statuses == ({200} if way == "change without" else {401})


async def test_the_log_has_what_was_done_to_accounts_campaigns_and_data(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient
) -> None:
    """Finding 24."""
    campaign = (await schedule(eve, startTime="2099-01-01T00:00:00Z"))["campaign"]["id"]
    for what in ("pause", "resume"):
        await eve.post(f"/api/campaigns/{campaign}/{what}")
    await eve.patch(f"/api/campaigns/{campaign}", json={"name": "Another"})
    await eve.post(f"/api/campaigns/{campaign}/cancel")
    await eve.get("/api/emails/export")
    await eve.get("/api/recipients/export", params={"email": "ada@example.com"})
    await eve.post("/api/auth/reset", json={"email": EVE["email"]})
    await eve.post("/api/auth/logout")
    await eve.post("/api/auth/login", json=EVE)
    first = (await eve.get("/api/auth/sessions")).json()[0]["id"]
    await eve.post("/api/auth/login", json=EVE)
    await eve.delete(f"/api/auth/sessions/{first}")
    actions = [entry["action"] for entry in (await eve.get("/api/audit")).json()["items"]]
    assert actions[::-1] == [
        "account.created",
        "campaign.scheduled",
        "campaign.paused",
        "campaign.resumed",
        "campaign.changed",
        "campaign.cancelled",
        "emails.export",
        "recipient.export",
        "password.reset_asked",
        "logout",
        "login",
        "login",
        "session.ended",
    ]


async def test_the_administrator_reads_the_log_of_all_accounts_and_of_no_workspace(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient
) -> None:
    await schedule(eve)
    await eve.post("/api/auth/login", json=EVE | {"email": "nobody@example.com"})
    await eve.post("/api/auth/logout")
    page = (await ann.get("/api/admin/audit", params={"limit": 2})).json()
    rest = (await ann.get("/api/admin/audit", params={"cursor": page["nextCursor"]})).json()["items"]
    assert [(entry["action"], entry["who"]) for entry in page["items"] + rest] == [
        ("logout", "eve@example.com"),
        ("account.unknown", "nobody who is logged in"),
        ("account.created", "eve@example.com"),
        ("account.created", "ann@example.com"),
    ]


NEW = "battery staple"


@pytest.mark.parametrize("way", ["change", "link", "command line", "provider"])
async def test_a_new_password_closes_every_open_link_to_another(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, visit: Visit, pool: Pool, provider: ProviderProcess, way: str
) -> None:
    """Whoever got hold of one set the password anew after its person had."""
    held, another = [(await act(ann, "reset-link", eve))["token"] for _ in range(2)]
    if way == "change":
        answer = await eve.post("/api/auth/password", json={"currentPassword": PASSWORD, "newPassword": NEW})
        answer.raise_for_status()
    elif way == "link":
        (await eve.post("/api/auth/reset/confirm", json={"token": another, "password": NEW})).raise_for_status()
    elif way == "command line":
        await password_changes.set_password(pool, LOCAL, (await me_of(eve))["id"], NEW)
    else:
        provider.set_user("eve", email=EVE["email"], email_verified=True)
        assert await log_in(await visit(), provider, "eve") == "/"
    stolen = {"token": held, "password": "it is mine now"}
    problem(await ann.post("/api/auth/reset/confirm", json=stolen), 422)
    again = await eve.post("/api/auth/login", json=EVE | {"password": NEW})
    assert again.status_code == (401 if way == "provider" else 200)


@pytest.mark.parametrize(
    "ended",
    ["UPDATE password_resets SET expires_at = now()", "UPDATE users SET disabled_at = now() WHERE NOT is_admin"],
)
async def test_a_link_that_ends_while_the_password_is_hashed_sets_none(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    me = await me_of(eve)
    link = await act(ann, "reset-link", me["id"])
    before = await value(pool, "SELECT password_hash FROM users WHERE id = %s", me["id"])

    async def slowly(*_asked: str) -> str:
        await execute(pool, ended)
        return "a hash"

    monkeypatch.setattr(password_changes, "hash_new_password", slowly)
    problem(await eve.post("/api/auth/reset/confirm", json={"token": link["token"], "password": NEW}), 422)
    assert await value(pool, "SELECT password_hash FROM users WHERE id = %s", me["id"]) == before


async def test_no_key_and_no_administrator_alone_gets_a_link_to_their_own_account(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, visit: Visit
) -> None:
    """A key of the administrator opened their account with it, which a key does nothing of."""
    key, program = await make_key(ann), await visit()
    for whose in (ann, eve):
        path = f"/api/admin/users/{(await me_of(whose))['id']}/reset-link"
        problem(await program.post(path, headers=key), 403)
    problem(await ann.post(f"/api/admin/users/{(await me_of(ann))['id']}/reset-link"), 409)


async def test_invitations_end_with_a_reset_as_keys_do(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, visit: Visit, pool: Pool
) -> None:
    """Whoever had the account for a while could come back by one that they made."""
    eve_id = (await me_of(eve))["id"]
    await execute(pool, "UPDATE users SET is_admin = true WHERE id = %s", eve_id)
    (await eve.post("/api/admin/invitations", json={})).raise_for_status()
    into, of_ann = await invite(eve, "owner"), await invite(ann)
    link = await act(ann, "reset-link", eve_id)
    body = {"token": link["token"], "password": NEW}
    (await eve.post("/api/auth/reset/confirm", json=body)).raise_for_status()
    other = await visit()
    problem(await other.post("/api/auth/invitation", json={"token": into}), 404)
    assert (await other.post("/api/auth/invitation", json={"token": of_ann})).status_code == 200
    assert await value(pool, "SELECT count(*) FROM invitations") == 0
    ended = await audited(pool, "invitation.revoked", "member.invitation_revoked")
    assert sorted(action for action, _ in ended) == ["invitation.revoked", "member.invitation_revoked"]


async def test_a_disabled_account_is_no_other_owner(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, visit: Visit, pool: Pool
) -> None:
    """Nobody could be let in, nor a campaign stopped, in a workspace that was left to it."""
    bob, cleo = await visit(), await visit()
    await register(bob, "bob")
    await register(cleo, "cleo")
    shared = (await bring_in(eve, bob, "owner"))["workspaceId"]
    eve_id, bob_id, cleo_id = [(await me_of(each))["id"] for each in (eve, bob, cleo)]
    await schedule(eve, startTime="2099-01-01T00:00:00Z")
    await act(ann, "disable", bob_id)
    problem(await eve.delete(f"/api/members/{eve_id}"), 409)
    problem(await eve.patch(f"/api/members/{eve_id}", json={"role": "member"}), 409)
    assert (await act(ann, "disable", eve_id, pauseCampaigns=True))["campaignsPaused"] == 1
    remove = f"/api/admin/users/{eve_id}/remove"
    problem(await ann.post(remove, json={"heirId": bob_id}), 422)
    assert (await ann.post(remove, json={"heirId": cleo_id})).status_code == 204
    listed = {workspace["id"]: workspace["role"] for workspace in (await cleo.get("/api/workspaces")).json()}
    assert listed[shared] == "owner"


async def test_without_an_heir_what_a_disabled_account_owns_too_stays(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, visit: Visit, pool: Pool
) -> None:
    bob = await visit()
    await register(bob, "bob")
    shared = (await bring_in(eve, bob, "owner"))["workspaceId"]
    eve_id, bob_id = [(await me_of(each))["id"] for each in (eve, bob)]
    await act(ann, "disable", bob_id)
    (await eve.post(f"/api/workspaces/{shared}/select")).raise_for_status()
    campaign = (await schedule(eve, startTime="2099-01-01T00:00:00Z"))["campaign"]["id"]
    remove = f"/api/admin/users/{eve_id}/remove"
    assert "campaigns that are not over: 1" in problem(await ann.post(remove, json={}), 409)["detail"]
    (await eve.post(f"/api/campaigns/{campaign}/cancel")).raise_for_status()
    assert (await ann.post(remove, json={})).status_code == 204
    assert await value(pool, "SELECT deleted_at FROM workspaces WHERE id = %s", shared) is None
    await act(ann, "enable", bob_id)
    (await bob.post("/api/auth/login", json={"email": "bob@example.com", "password": PASSWORD})).raise_for_status()
    listed = {workspace["id"]: workspace["role"] for workspace in (await bob.get("/api/workspaces")).json()}
    assert listed[shared] == "owner"


async def test_workspaces_read_in_their_logs_that_a_member_was_removed_with_the_account(
    ann: httpx.AsyncClient, eve: httpx.AsyncClient, visit: Visit, pool: Pool
) -> None:
    own = (await me_of(eve))["workspaceId"]
    await make_key(eve)
    shared = (await bring_in(ann, eve, "owner"))["workspaceId"]
    await make_key(eve)
    eve_id, ann_id = [(await me_of(each))["id"] for each in (eve, ann)]
    assert (await ann.post(f"/api/admin/users/{eve_id}/remove", json={"heirId": ann_id})).status_code == 204
    removed, revoked = ("member.removed", f"members/{eve_id}"), "key.revoked"
    handed = ("workspace.handed_over", f"workspaces/{own}, users/{eve_id} to users/{ann_id}")
    for workspace, expected in ((own, {removed, handed}), (shared, {removed})):
        done = "SELECT action, subject FROM audit_log WHERE workspace_id = %s AND user_id = %s"
        logged = [(row["action"], row["subject"]) for row in await rows(pool, done, workspace, ann_id)]
        assert expected <= set(logged)
        assert [action for action, _ in logged].count(revoked) == 1
