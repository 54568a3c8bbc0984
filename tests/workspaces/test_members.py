"""/api/members: roles, leaving, and what whoever has left still opens, which is nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from psycopg.errors import CheckViolation

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.attempts import PER_VISITOR
from app.domain.accounts.password_changes import give_back
from app.domain.accounts.users import Terms, find_user
from app.domain.workspaces import invitations, keys, members
from app.http.auth import ACTING_AS
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.api import problem, schedule
from tests.support.engine import execute, value, wait_until_blocked
from tests.support.people import Visit, bring_in, invite, make_key, me, register
from tests.support.waiting import clear_of_the_quarter

NO_OWNER = "the workspace would have no owner: make another member an owner first, or delete the workspace"
OFFER = "/api/auth/invitation"
LATER = {"startTime": "2030-01-01T00:00:00Z"}


async def _id(browser: httpx.AsyncClient) -> int:
    return (await me(browser))["id"]


async def test_members_are_listed_with_their_roles(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    await bring_in(ann, bob, "viewer")
    members = (await bob.get("/api/members")).json()
    assert [(member["email"], member["role"]) for member in members] == [
        ("ann@example.com", "owner"),
        ("bob@example.com", "viewer"),
    ]


async def test_a_role_that_changes_holds_at_the_next_request(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    await bring_in(ann, bob, "viewer")
    campaign = (await schedule(ann, **LATER))["campaign"]["id"]
    pause = f"/api/campaigns/{campaign}/pause"
    assert (await bob.get(f"/api/campaigns/{campaign}")).status_code == 200
    refused = problem(await bob.post(pause), 403)
    assert refused["detail"] == "this takes the role member in the workspace, and you are viewer"
    changed = await ann.patch(f"/api/members/{await _id(bob)}", json={"role": "member"})
    assert changed.json()["role"] == "member"
    assert (await bob.post(pause)).status_code == 200
    problem(await bob.get("/api/keys"), 403)
    await ann.patch(f"/api/members/{await _id(bob)}", json={"role": "owner"})
    assert (await bob.get("/api/keys")).status_code == 200


async def test_a_key_does_no_more_than_its_maker_may_now_nor_than_its_scopes(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, visit: Visit
) -> None:
    await bring_in(ann, bob, "owner")
    key, reading = await make_key(bob), await make_key(bob, scopes=["read"])
    listed = (await ann.get("/api/keys")).json()["items"]
    assert [made["madeBy"] for made in listed] == [{"id": await _id(bob), "email": "bob@example.com"}] * 2
    program = await visit()
    sender = {"email": "bob@example.org"}
    assert (await program.get("/api/keys", headers=key)).status_code == 200
    problem(await program.post("/api/senders", json=sender, headers=reading), 403)
    await ann.patch(f"/api/members/{await _id(bob)}", json={"role": "member"})
    problem(await program.get("/api/keys", headers=key), 403)
    assert (await program.post("/api/senders", json=sender, headers=key)).status_code == 201
    await ann.patch(f"/api/members/{await _id(bob)}", json={"role": "viewer"})
    problem(await program.post("/api/senders", json=sender, headers=key), 403)
    assert (await program.get("/api/senders", headers=reading)).status_code == 200


async def test_somebody_removed_falls_back_and_their_keys_open_nothing(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, visit: Visit
) -> None:
    await bring_in(ann, bob, "owner")
    key = await make_key(bob)
    program = await visit()
    assert (await program.get("/api/campaigns", headers=key)).status_code == 200
    bob_id = await _id(bob)
    assert (await ann.delete(f"/api/members/{bob_id}")).status_code == 204
    problem(await program.get("/api/campaigns", headers=key), 401)
    assert (await me(bob))["workspaceName"] == "bob@example.com"
    problem(await ann.delete(f"/api/members/{bob_id}"), 404)
    # Nor when they come back.
    await bring_in(ann, bob, "owner")
    problem(await program.get("/api/campaigns", headers=key), 401)


async def test_who_may_not_see_webhooks_does_not_hear_of_them_in_alerts(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, pool: Pool
) -> None:
    await bring_in(ann, bob, "member")
    webhook = {"url": "https://example.com/a-secret", "events": ["email.failed"]}
    assert (await ann.post("/api/webhooks", json=webhook)).status_code == 201
    await execute(pool, "UPDATE webhooks SET failures = 1, failing_since = now(), last_error = 'answered 500'")
    kinds = [alert["kind"] for alert in (await bob.get("/api/alerts")).json()]
    assert kinds == ["worker.missing"]
    reading = await make_key(ann, scopes=["read"])
    heard = (await ann.get("/api/alerts", headers=reading)).json()[-1]
    assert heard["message"] == "The webhook to example.com fails: answered 500"


async def test_no_key_is_made_while_its_maker_is_removed(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, pool: Pool
) -> None:
    """It would not be revoked, and open the workspace again when they come back."""
    shared = (await bring_in(ann, bob, "owner"))["workspaceId"]
    async with transaction(pool) as conn:
        await conn.execute(b"DELETE FROM members WHERE workspace_id = %s AND user_id = %s", [shared, await _id(bob)])
        made = asyncio.create_task(bob.post("/api/keys", json={"name": "late"}))
        await wait_until_blocked(pool)
    problem(await made, 403)
    assert await value(pool, "SELECT count(*) FROM api_keys") == 0


async def test_a_key_that_is_being_made_while_its_maker_is_removed_stays_revoked(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, pool: Pool
) -> None:
    shared, bob_id = (await bring_in(ann, bob, "owner"))["workspaceId"], await _id(bob)
    made: dict[str, Any] = {
        "workspace_id": shared,
        "made_by": bob_id,
        "key_sha256": bytes(32),
        "name": "late",
        "prefix": "rib_",
        "scopes": ["read"],
        "expires_at": None,
    }
    async with transaction(pool) as conn:
        await conn.execute(keys.sql.insert_api_key, made)
        removed = asyncio.create_task(ann.delete(f"/api/members/{bob_id}"))
        await wait_until_blocked(pool)
    assert (await removed).status_code == 204
    assert await value(pool, "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL") == 0


@pytest.mark.parametrize("way", ["demoted", "removed"])
async def test_invitations_of_an_owner_who_is_none_any_more_open_nothing_when_they_are_one_again(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, visit: Visit, way: str
) -> None:
    bob_id = (await bring_in(ann, bob, "owner"))["id"]
    token, own = await invite(bob, "owner"), await invite(ann)
    if way == "demoted":
        await ann.patch(f"/api/members/{bob_id}", json={"role": "member"})
        await ann.patch(f"/api/members/{bob_id}", json={"role": "owner"})
    else:
        await ann.delete(f"/api/members/{bob_id}")
        await bring_in(ann, bob, "owner")
    cleo = await visit()
    problem(await cleo.post("/api/auth/invitation", json={"token": token}), 404)
    assert (await cleo.post("/api/auth/invitation", json={"token": own})).status_code == 200


@pytest.mark.parametrize("act", ["promote", "remove", "invite"])
async def test_an_owner_who_is_none_any_more_when_their_turn_comes_does_nothing(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, visit: Visit, pool: Pool, act: str
) -> None:
    """As of two owners who demote each other at once."""
    shared, bob_id = (await bring_in(ann, bob, "owner"))["workspaceId"], await _id(bob)
    cleo = await visit()
    await register(cleo, "cleo")
    cleo_id = (await bring_in(ann, cleo, "member"))["id"]
    before = await value(pool, "SELECT count(*) FROM workspace_invitations")
    async with transaction(pool) as conn:
        await members.lock_workspace(conn, shared)
        if act == "promote":
            asking = bob.patch(f"/api/members/{cleo_id}", json={"role": "owner"})
        elif act == "remove":
            asking = bob.delete(f"/api/members/{cleo_id}")
        else:
            asking = bob.post("/api/members/invitations", json={"role": "owner"})
        asked = asyncio.create_task(asking)
        await wait_until_blocked(pool)
        demote = b"UPDATE members SET role = 'member' WHERE workspace_id = %s AND user_id = %s"
        await conn.execute(demote, [shared, bob_id])
    problem(await asked, 403)
    assert (await me(cleo))["role"] == "member"
    assert await value(pool, "SELECT count(*) FROM workspace_invitations") == before


async def test_a_page_of_the_workspace_that_one_was_removed_from_is_told_so(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    """It says as whom and where it acts, and nothing of it happens in the workspace that its session fell back to."""
    joined = await bring_in(ann, bob)
    await ann.delete(f"/api/members/{joined['id']}")
    page = {ACTING_AS: f"{joined['id']}.{joined['workspaceId']}"}
    problem(await bob.post("/api/senders", json={"email": "bob@example.org"}, headers=page), 409)
    assert len((await bob.get("/api/senders")).json()["items"]) == 1


async def test_whoever_loses_their_last_workspace_gets_a_new_one(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    own = (await me(bob))["workspaceId"]
    await bring_in(ann, bob)
    assert (await bob.delete(f"/api/workspaces/{own}")).status_code == 204
    await ann.delete(f"/api/members/{await _id(bob)}")
    assert ((await me(bob))["workspaceName"], (await me(bob))["role"]) == ("bob@example.com", "owner")


async def test_removed_from_two_workspaces_at_once_somebody_is_still_in_one(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, visit: Visit
) -> None:
    cleo = await visit()
    await register(cleo, "cleo")
    own = (await me(cleo))["workspaceId"]
    await bring_in(ann, cleo)
    await bring_in(bob, cleo)
    await cleo.delete(f"/api/workspaces/{own}")
    cleo_id = await _id(cleo)
    answers = await asyncio.gather(*(owner.delete(f"/api/members/{cleo_id}") for owner in (ann, bob)))
    assert [answer.status_code for answer in answers] == [204, 204]
    assert [item["name"] for item in (await cleo.get("/api/workspaces")).json()] == ["cleo@example.com"]


async def test_everybody_may_leave(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    await bring_in(ann, bob, "viewer")
    problem(await bob.delete(f"/api/members/{await _id(ann)}"), 403)
    assert (await bob.delete(f"/api/members/{await _id(bob)}")).status_code == 204
    assert (await me(bob))["workspaceName"] == "bob@example.com"
    actions = [entry["action"] for entry in (await ann.get("/api/audit")).json()["items"]]
    assert actions[:3] == ["member.left", "member.joined", "member.invited"]


async def test_the_last_owner_neither_leaves_nor_is_demoted(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    await bring_in(ann, bob, "member")
    ann_id, bob_id = await _id(ann), await _id(bob)
    for answer in (
        await ann.delete(f"/api/members/{ann_id}"),
        await ann.patch(f"/api/members/{ann_id}", json={"role": "viewer"}),
    ):
        assert problem(answer, 409)["detail"] == NO_OWNER
    await ann.patch(f"/api/members/{bob_id}", json={"role": "owner"})
    assert (await ann.patch(f"/api/members/{ann_id}", json={"role": "viewer"})).status_code == 200
    problem(await bob.delete(f"/api/members/{bob_id}"), 409)


async def test_of_two_owners_who_leave_at_once_one_stays(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    await bring_in(ann, bob, "owner")
    ids = [await _id(ann), await _id(bob)]
    answers = await asyncio.gather(*(b.delete(f"/api/members/{i}") for b, i in zip((ann, bob), ids, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM members WHERE role = 'owner'",
        "UPDATE members SET role = 'viewer'",
        "DELETE FROM users WHERE email = 'ann@example.com'",
    ],
)
async def test_the_database_refuses_a_workspace_without_an_owner(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, pool: Pool, statement: str
) -> None:
    await bring_in(ann, bob, "member")
    with pytest.raises(CheckViolation, match="would have no owner: make another member one, or delete it"):
        await execute(pool, statement)
    assert await value(pool, "SELECT count(*) FROM members WHERE role = 'owner'") == 2


# The fate of invitations


async def test_an_invitation_is_shown_once_and_works_once(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, visit: Visit
) -> None:
    token = await invite(ann, "viewer")
    (listed,) = (await ann.get("/api/members/invitations")).json()
    assert ("token" not in listed, listed["role"], listed["email"], listed["usedAt"]) == (True, "viewer", None, None)
    joined = await bob.post("/api/members/invitations/accept", json={"token": token})
    assert joined.json() == await me(bob)
    assert (joined.json()["workspaceName"], joined.json()["role"]) == ("ann@example.com", "viewer")
    cleo = await visit()
    await register(cleo, "cleo")
    refused = problem(await cleo.post("/api/members/invitations/accept", json={"token": token}), 403)
    assert "ask for a new one" in refused["detail"]
    (listed,) = (await ann.get("/api/members/invitations")).json()
    assert listed["usedAt"]
    problem(await ann.delete(f"/api/members/invitations/{listed['id']}"), 404)


async def test_an_invitation_for_an_address_is_for_no_other(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    for_cleo, for_bob = await invite(ann, email="cleo@example.com"), await invite(ann, email="BOB@example.com")
    problem(await bob.post("/api/members/invitations/accept", json={"token": for_cleo}), 403)
    assert (await bob.post("/api/members/invitations/accept", json={"token": for_bob})).status_code == 200


async def test_a_member_who_accepts_once_more_uses_nothing_up(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    await bring_in(ann, bob)
    token = await invite(ann, "owner")
    problem(await bob.post("/api/members/invitations/accept", json={"token": token}), 409)
    assert (await bob.get("/api/auth/me")).json()["role"] == "member"
    assert (await ann.get("/api/members/invitations")).json()[0]["usedAt"] is None


@pytest.mark.parametrize("ending", ["taken back", "too old", "its maker demoted", "its maker removed"])
async def test_an_invitation_that_is_over_opens_nothing(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, visit: Visit, pool: Pool, ending: str
) -> None:
    await bring_in(ann, bob, "owner")
    token = await invite(bob, "owner")
    if ending == "taken back":
        await ann.delete(f"/api/members/invitations/{(await ann.get('/api/members/invitations')).json()[0]['id']}")
    elif ending == "too old":
        await execute(pool, "UPDATE workspace_invitations SET expires_at = now()")
    elif ending == "its maker demoted":
        await ann.patch(f"/api/members/{await _id(bob)}", json={"role": "member"})
    else:
        await ann.delete(f"/api/members/{await _id(bob)}")
    cleo = await visit()
    await register(cleo, "cleo")
    problem(await cleo.post("/api/members/invitations/accept", json={"token": token}), 403)
    body = {"email": "dan@example.com", "password": "battery staple", "invitation": token}
    problem(await (await visit()).post("/api/auth/register", json=body), 403)


@pytest.mark.parametrize("ending", ["its maker demoted", "its workspace deleted"])
async def test_an_invitation_that_ends_while_it_is_accepted_opens_nothing(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, visit: Visit, pool: Pool, ending: str
) -> None:
    shared = (await bring_in(ann, bob, "owner"))["workspaceId"]
    token = await invite(bob)
    cleo = await visit()
    await register(cleo, "cleo")
    async with transaction(pool) as conn:
        await conn.execute(b"SELECT FROM workspaces WHERE id = %s FOR UPDATE", [shared])
        accepted = asyncio.create_task(cleo.post("/api/members/invitations/accept", json={"token": token}))
        await wait_until_blocked(pool)
        if ending == "its maker demoted":
            demote = b"UPDATE members SET role = 'member' WHERE workspace_id = %s AND user_id = %s"
            await conn.execute(demote, [shared, await _id(bob)])
        else:
            await conn.execute(b"DELETE FROM workspace_invitations")
    problem(await accepted, 403)


async def test_whoever_joins_while_an_account_goes_to_its_owner_is_out_again(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, pool: Pool, settings: Settings, box: SecretBox
) -> None:
    """Bob has not proven his address yet; the one who does has the account for themselves."""
    token, bob_id = await invite(bob), await _id(bob)

    async def prove() -> None:
        async with transaction(pool) as conn:
            await give_back(conn, Terms(box, True, settings.default_emails_per_hour), LOCAL, bob_id)

    async with transaction(pool) as joining:
        invitation = await invitations.take(joining, token, "ann@example.com")
        assert invitation
        await invitations.join(joining, LOCAL.of(await _id(ann)), invitation)
        proving = asyncio.create_task(prove())
        await wait_until_blocked(pool)
    await proving
    assert (await me(ann))["workspaceName"] == "ann@example.com"
    assert [item["name"] for item in (await ann.get("/api/workspaces")).json()] == ["ann@example.com"]


async def test_a_workspace_has_no_more_open_invitations_than_the_most(
    ann: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.domain.workspaces.invitations.MOST_OPEN", 1)
    asked = [ann.post("/api/members/invitations", json={"role": "viewer"}) for _ in range(8)]
    statuses = [answer.status_code for answer in await asyncio.gather(*asked)]
    assert sorted(statuses) == [201, *[409] * 7]


# Where the person's own stays theirs


async def test_owners_and_members_read_the_workspaces_log_and_everybody_their_own(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    await bring_in(ann, bob, "member")
    campaign = (await schedule(bob, **LATER))["campaign"]["id"]
    for verb in ("pause", "resume", "cancel"):
        await bob.post(f"/api/campaigns/{campaign}/{verb}")
    await ann.patch(f"/api/campaigns/{campaign}", json={"name": "Over"})
    entries = (await ann.get("/api/audit")).json()["items"]
    did = [(entry["action"], entry["who"], entry["subject"]) for entry in entries[:5]]
    assert did == [
        ("campaign.changed", "ann@example.com", f"campaigns/{campaign}"),
        ("campaign.cancelled", "bob@example.com", f"campaigns/{campaign}"),
        ("campaign.resumed", "bob@example.com", f"campaigns/{campaign}"),
        ("campaign.paused", "bob@example.com", f"campaigns/{campaign}"),
        ("campaign.scheduled", "bob@example.com", f"campaigns/{campaign}"),
    ]
    assert entries[0]["userId"] == await _id(ann)
    seen_by_bob = {entry["action"] for entry in (await bob.get("/api/audit")).json()["items"]}
    assert seen_by_bob >= {"campaign.changed", "account.created"}
    # The making of an account is nobody else's business.
    created = [e["who"] for e in (await bob.get("/api/audit")).json()["items"] if e["action"] == "account.created"]
    assert created == ["bob@example.com"]
    await ann.patch(f"/api/members/{await _id(bob)}", json={"role": "viewer"})
    assert {e["action"] for e in (await bob.get("/api/audit")).json()["items"]} == {"account.created"}


async def test_an_idempotency_key_belongs_to_the_workspace(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    await bring_in(ann, bob)
    body = {"subject": "s", "body": "b", "recipients": ["x@example.com"]} | LATER
    key = {"Idempotency-Key": "once"}
    first = await ann.post("/api/campaigns/schedule", json=body, headers=key)
    assert (await bob.post("/api/campaigns/schedule", json=body, headers=key)).json() == first.json()
    await bob.post(f"/api/workspaces/{(await bob.get('/api/workspaces')).json()[0]['id']}/select")
    elsewhere = await bob.post("/api/campaigns/schedule", json=body, headers=key)
    assert elsewhere.json()["campaign"]["id"] != first.json()["campaign"]["id"]


async def test_the_command_line_finds_people_in_workspaces_of_theirs(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, pool: Pool
) -> None:
    shared = (await bring_in(ann, bob, "viewer"))["workspaceId"]
    assert (await find_user(pool, "bob@example.com")).workspace_name == "bob@example.com"
    found = await find_user(pool, "bob@example.com", shared)
    assert (found.workspace_id, found.role) == (shared, "viewer")


async def test_an_invitation_says_where_it_leads_to_whoever_has_the_link(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, visit: Visit
) -> None:
    await ann.patch(f"/api/workspaces/{(await me(ann))['workspaceId']}", json={"name": "The firm"})
    token = await invite(ann, "viewer", email="cleo@example.com")
    stranger = await visit()
    for browser in (stranger, bob):
        answer = await browser.post(OFFER, json={"token": token})
        assert answer.status_code == 200
        assert sorted(answer.json()) == ["expiresAt", "invitedBy", "role", "workspaceName"]
        assert (answer.json()["workspaceName"], answer.json()["role"]) == ("The firm", "viewer")
        assert answer.json()["invitedBy"] == "ann@example.com"
    await register(stranger, "cleo", invitation=token)
    problem(await stranger.post(OFFER, json={"token": token}), 404)  # used
    problem(await stranger.post(OFFER, json={"token": "x" * 1000}), 404)


async def test_an_invitation_that_opens_nothing_any_more_says_nothing(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, pool: Pool
) -> None:
    await bring_in(ann, bob, "owner")
    of_bob, taken_back, expired = [await invite(maker) for maker in (bob, ann, ann)]
    listed = (await ann.get("/api/members/invitations")).json()
    await ann.delete(f"/api/members/invitations/{listed[1]['id']}")
    await execute(pool, "UPDATE workspace_invitations SET expires_at = now() WHERE id = %s", listed[0]["id"])
    await ann.patch(f"/api/members/{await _id(bob)}", json={"role": "member"})
    for token in (of_bob, taken_back, expired):
        refused = problem(await bob.post(OFFER, json={"token": token}), 404)
        assert refused["detail"] == "this invitation is not, or no longer, valid; ask for a new one"


async def test_nobody_guesses_invitations(ann: httpx.AsyncClient, visit: Visit) -> None:
    stranger, token = await visit(), await invite(ann)
    await clear_of_the_quarter()
    for _ in range(PER_VISITOR):
        problem(await stranger.post(OFFER, json={"token": "guessed"}), 404)
    refused = await stranger.post(OFFER, json={"token": token})
    problem(refused, 429)
    assert int(refused.headers["retry-after"]) <= 900
    foreign = {"Sec-Fetch-Site": "cross-site"}
    problem(await stranger.post(OFFER, json={"token": token}, headers=foreign), 403)
