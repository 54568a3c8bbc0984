"""/api/workspaces: mine, a new one, the selected one, renamed, deleted; and what retention removes of a deleted one."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.campaigns.campaigns import finish_cancels
from app.domain.workspaces import workspaces
from tests.support.api import problem, schedule, wrong_fields
from tests.support.engine import execute, row, rows, value, wait_until_blocked
from tests.support.people import Visit, bring_in, make_key, me, register
from tests.support.tenants import TABLES, clean_up, fill

SOME_DAY = "2030-01-01T00:00:00Z"


async def _create(browser: httpx.AsyncClient, name: str = "Second") -> int:
    answer = await browser.post("/api/workspaces", json={"name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def _select(browser: httpx.AsyncClient, workspace_id: int) -> None:
    answer = await browser.post(f"/api/workspaces/{workspace_id}/select")
    assert answer.json() == await me(browser), answer.text


async def test_a_new_workspace_is_its_makers_and_has_a_default_sender(ann: httpx.AsyncClient) -> None:
    made = (await ann.post("/api/workspaces", json={"name": " Second "})).json()
    assert (made["name"], made["role"], made["selected"]) == ("Second", "owner", False)
    listed = (await ann.get("/api/workspaces")).json()
    assert [(item["name"], item["role"], item["selected"]) for item in listed] == [
        ("ann@example.com", "owner", True),
        ("Second", "owner", False),
    ]
    await _select(ann, made["id"])
    assert (await me(ann))["workspaceName"] == "Second"
    (sender,) = (await ann.get("/api/senders")).json()["items"]
    assert (sender["email"], sender["isDefault"]) == ("ann@example.com", True)


async def test_what_is_in_one_workspace_is_not_in_the_other(ann: httpx.AsyncClient) -> None:
    first = (await me(ann))["workspaceId"]
    campaign = (await schedule(ann, startTime=SOME_DAY))["campaign"]["id"]
    await _select(ann, await _create(ann))
    problem(await ann.get(f"/api/campaigns/{campaign}"), 404)
    assert (await ann.get("/api/campaigns")).json()["items"] == []
    await _select(ann, first)
    assert (await ann.get(f"/api/campaigns/{campaign}")).status_code == 200


async def test_each_session_has_its_own_selection(ann: httpx.AsyncClient, visit: Visit) -> None:
    other = await visit()
    await other.post("/api/auth/login", json={"email": "ann@example.com", "password": "correct horse"})
    await _select(ann, await _create(ann))
    assert (await me(other))["workspaceName"] == "ann@example.com"


async def test_a_key_belongs_to_one_workspace_and_says_so(ann: httpx.AsyncClient, visit: Visit) -> None:
    second = await _create(ann)
    key = await make_key(ann)
    program = await visit()
    listed = (await program.get("/api/workspaces", headers=key)).json()
    assert [item["name"] for item in listed] == ["ann@example.com"]
    for answer in (
        await program.post(f"/api/workspaces/{second}/select", headers=key),
        await program.post("/api/workspaces", json={"name": "Third"}, headers=key),
        await program.delete(f"/api/workspaces/{listed[0]['id']}", headers=key),
        await program.post("/api/members/invitations/accept", json={"token": "x"}, headers=key),
    ):
        assert problem(answer, 403)["detail"] == "an API key belongs to one workspace; log in to do this"
    problem(await program.patch(f"/api/workspaces/{second}", json={"name": "Mine"}, headers=key), 404)
    renamed = await program.patch(f"/api/workspaces/{listed[0]['id']}", json={"name": "Mine"}, headers=key)
    assert renamed.json()["name"] == "Mine"
    # The key's workspace stays, whatever its maker's session selects.
    await _select(ann, second)
    assert (await program.get("/api/auth/me", headers=key)).json()["workspaceId"] == listed[0]["id"]


async def test_a_name_is_one_line_of_some_length(ann: httpx.AsyncClient) -> None:
    mine = (await me(ann))["workspaceId"]
    for name in ("", "  ", "a\nb", "\0", "x" * 101):
        assert set(wrong_fields(await ann.post("/api/workspaces", json={"name": name}))) == {"name"}
        assert set(wrong_fields(await ann.patch(f"/api/workspaces/{mine}", json={"name": name}))) == {"name"}


async def test_nobody_owns_more_than_the_most_also_at_once(
    ann: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspaces, "MOST_OWNED", 3)
    answers = await asyncio.gather(*(ann.post("/api/workspaces", json={"name": "More"}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]


async def test_the_administrator_sees_into_no_workspace_of_others(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    assert (await me(ann))["isAdmin"]
    campaign = (await schedule(bob, startTime=SOME_DAY))["campaign"]["id"]
    theirs, bob_id = (await me(bob))["workspaceId"], (await me(bob))["id"]
    for answer in (
        await ann.get(f"/api/campaigns/{campaign}"),
        await ann.post(f"/api/workspaces/{theirs}/select"),
        await ann.patch(f"/api/workspaces/{theirs}", json={"name": "Mine"}),
        await ann.delete(f"/api/workspaces/{theirs}"),
        await ann.delete(f"/api/members/{bob_id}"),
        await ann.patch(f"/api/members/{bob_id}", json={"role": "viewer"}),
    ):
        problem(answer, 404)
    assert len((await ann.get("/api/workspaces")).json()) == 1
    assert len((await ann.get("/api/admin/users")).json()["items"]) == 2


async def test_a_workspaces_owner_administers_no_installation(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    problem(await bob.get("/api/admin/users"), 403)


# Deleting


async def test_the_last_workspace_cannot_be_deleted(ann: httpx.AsyncClient) -> None:
    refused = problem(await ann.delete(f"/api/workspaces/{(await me(ann))['workspaceId']}"), 409)
    assert refused["detail"] == "this is your last workspace; make another one first"


async def test_a_workspace_with_something_to_send_is_not_deleted(ann: httpx.AsyncClient, pool: Pool) -> None:
    await _create(ann)
    mine = (await me(ann))["workspaceId"]
    campaign = (await schedule(ann, startTime=SOME_DAY))["campaign"]["id"]
    refused = problem(await ann.delete(f"/api/workspaces/{mine}"), 409)
    assert refused["detail"] == "campaigns that are not over: 1; cancel them or let them finish first"
    await ann.post(f"/api/campaigns/{campaign}/pause")
    problem(await ann.delete(f"/api/workspaces/{mine}"), 409)
    # Claimed, then cancelled: it is at the server still.
    await execute(pool, "UPDATE emails SET status = 'SENDING', claim_token = gen_random_uuid(), claimed_at = now()")
    await execute(pool, "UPDATE streams SET scheduled = 0, sending = 1")
    await ann.post(f"/api/campaigns/{campaign}/cancel")
    refused = problem(await ann.delete(f"/api/workspaces/{mine}"), 409)
    assert refused["detail"] == "1 emails are being sent this moment; try again in a minute"
    await execute(pool, "UPDATE emails SET status = 'CANCELLED', claim_token = NULL")
    await execute(pool, "UPDATE streams SET sending = 0, cancelled = 1")
    assert (await ann.delete(f"/api/workspaces/{mine}")).status_code == 204


async def test_after_a_workspace_was_deleted_nobody_is_in_it_and_no_key_opens_it(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, visit: Visit
) -> None:
    shared = await _create(ann, "Shared")
    await _select(ann, shared)
    await bring_in(ann, bob)
    assert (await me(bob))["workspaceName"] == "Shared"
    key = await make_key(ann)
    assert (await ann.delete(f"/api/workspaces/{shared}")).status_code == 204
    assert (await me(ann))["workspaceName"] == "ann@example.com"
    assert (await me(bob))["workspaceName"] == "bob@example.com"
    problem(await (await visit()).get("/api/auth/me", headers=key), 401)
    problem(await ann.post(f"/api/workspaces/{shared}/select"), 404)
    problem(await ann.delete(f"/api/workspaces/{shared}"), 404)
    entry = (await ann.get("/api/audit")).json()["items"][0]
    assert (entry["action"], entry["subject"], entry["who"]) == (
        "workspace.deleted",
        f"workspaces/{shared}",
        "ann@example.com",
    )


async def test_whoever_had_only_the_deleted_workspace_gets_one_of_their_own(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    own = (await me(bob))["workspaceId"]
    shared = await _create(ann, "Shared")
    await _select(ann, shared)
    await bring_in(ann, bob)
    assert (await bob.delete(f"/api/workspaces/{own}")).status_code == 204
    assert (await ann.delete(f"/api/workspaces/{shared}")).status_code == 204
    assert ((await me(bob))["workspaceName"], (await me(bob))["role"]) == ("bob@example.com", "owner")
    assert (await me(bob))["workspaceId"] != own
    assert len((await bob.get("/api/senders")).json()["items"]) == 1


@pytest.mark.parametrize("under_way", ["schedule", "retry"])
async def test_what_is_under_way_while_the_workspace_is_deleted_fails_whole(
    ann: httpx.AsyncClient, pool: Pool, under_way: str
) -> None:
    """Nobody could see what it sends, nor stop it."""
    await _create(ann)
    mine = (await me(ann))["workspaceId"]
    campaign = (await schedule(ann))["campaign"]["id"]
    await execute(pool, "UPDATE emails SET status = 'FAILED'")
    await execute(pool, "UPDATE streams SET scheduled = 0, failed = 1")
    requests = {
        "schedule": ("/api/campaigns/schedule", {"subject": "s", "body": "b", "recipients": ["x@example.com"]}),
        "retry": ("/api/emails/retry", {"campaignId": campaign}),
    }
    url, body = requests[under_way]
    async with transaction(pool) as conn:
        await conn.execute(b"SELECT FROM workspaces WHERE id = %s FOR UPDATE", [mine])
        await conn.execute(b"UPDATE workspaces SET deleted_at = now() WHERE id = %s", [mine])
        answer = asyncio.create_task(ann.post(url, json=body))
        await wait_until_blocked(pool)
    assert problem(await answer, 409)["detail"] == "the workspace has just been deleted; nothing was done"
    assert await rows(pool, "SELECT status FROM campaigns") == [{"status": "FINISHED"}]
    assert await value(pool, "SELECT array_agg(DISTINCT status::text) FROM emails") == ["FAILED"]


async def test_deleting_waits_for_what_is_under_way_and_counts_it(ann: httpx.AsyncClient, pool: Pool) -> None:
    await _create(ann)
    mine = (await me(ann))["workspaceId"]
    (sender,) = (await ann.get("/api/senders")).json()["items"]
    async with transaction(pool) as conn:
        await conn.execute(
            b"INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, start_at)"
            b" VALUES (%s, %s, 'n', 's', 'b', now())",
            [mine, sender["id"]],
        )
        answer = asyncio.create_task(ann.delete(f"/api/workspaces/{mine}"))
        await wait_until_blocked(pool)
    assert "campaigns that are not over: 1" in problem(await answer, 409)["detail"]


async def test_whoever_joins_while_the_workspace_is_deleted_is_not_left_without_any(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, pool: Pool
) -> None:
    shared = await _create(ann, "Shared")
    own = (await me(bob))["workspaceId"]
    async with transaction(pool) as conn:
        await conn.execute(b"SELECT FROM users WHERE email = 'ann@example.com' FOR UPDATE")
        answer = asyncio.create_task(ann.delete(f"/api/workspaces/{shared}"))
        await wait_until_blocked(pool)
        await execute(pool, "INSERT INTO members SELECT %s, id, 'member' FROM users WHERE email LIKE 'bob@%%'", shared)
        assert (await bob.delete(f"/api/workspaces/{own}")).status_code == 204
    assert problem(await answer, 409)["detail"] == "somebody has just joined the workspace; try again"
    assert (await ann.delete(f"/api/workspaces/{shared}")).status_code == 204
    assert (await me(bob))["workspaceName"] == "bob@example.com"


async def test_retention_removes_a_deleted_workspace_and_no_other(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, pool: Pool
) -> None:
    kept = (await schedule(bob, startTime=SOME_DAY))["campaign"]["id"]
    second = await _create(ann)
    await _select(ann, second)
    await schedule(ann, ["ada@example.com", "bea@example.com"], startTime=SOME_DAY)
    saved = (await ann.post("/api/saved-lists", json={"name": "Buyers"})).json()["id"]
    await ann.post(f"/api/saved-lists/{saved}/recipients", json={"recipients": ["ada@example.com"]})
    for item in (await ann.get("/api/campaigns")).json()["items"]:
        await ann.post(f"/api/campaigns/{item['id']}/cancel")
    assert (await ann.delete(f"/api/workspaces/{second}")).status_code == 204
    # The rest of a large cancel.
    await execute(pool, "UPDATE streams SET cancelled = 1, scheduled = 1 WHERE workspace_id = %s", second)
    await execute(pool, "UPDATE emails SET status = 'SCHEDULED' WHERE recipient = 'bea@example.com'")
    await clean_up(pool)
    await finish_cancels(pool)
    await clean_up(pool)
    assert await value(pool, "SELECT count(*) FROM workspaces WHERE id = %s", second) == 0
    left = await row(
        pool,
        "SELECT (SELECT array_agg(id) FROM campaigns) AS campaigns, (SELECT count(*) FROM emails) AS emails,"
        " (SELECT count(*) FROM senders WHERE workspace_id = %s) AS senders",
        second,
    )
    assert left == {"campaigns": [kept], "emails": 1, "senders": 0}
    assert (await me(ann))["workspaceName"] == "ann@example.com"


async def test_of_a_deleted_workspace_no_table_has_a_row(ann: httpx.AsyncClient, pool: Pool) -> None:
    person, second = await me(ann), await _create(ann)
    owner = User(person["id"], person["email"], is_admin=True, workspace_id=second, workspace_name="s", role="owner")
    await fill(pool, owner)
    await execute(pool, "UPDATE emails SET status = 'CANCELLED' WHERE status = 'SCHEDULED'")
    await execute(pool, "UPDATE streams SET cancelled = scheduled, scheduled = 0")
    assert (await ann.delete(f"/api/workspaces/{second}")).status_code == 204
    await clean_up(pool)
    count = "SELECT count(*) FROM {} WHERE workspace_id = %s"
    assert [table for table in TABLES if await value(pool, count.format(table), second)] == []


async def test_two_names_may_be_the_same(ann: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    for browser in (ann, bob):
        await browser.patch(f"/api/workspaces/{(await me(browser))['workspaceId']}", json={"name": "Ours"})
        assert (await me(browser))["workspaceName"] == "Ours"


async def test_registering_begins_in_a_workspace_of_ones_own(visit: Visit) -> None:
    registered = await register(await visit(), "cleo")
    assert (registered["workspaceName"], registered["role"]) == ("cleo@example.com", "owner")
