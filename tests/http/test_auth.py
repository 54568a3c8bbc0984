"""Authentication: every call under /api but the schema needs a key or a session, shows the rows of one workspace alone,
and takes a role in it that stands at its handler.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from app.asgi import create_app
from app.db import Pool, fetch_exactly_one, transaction
from app.domain.accounts import sessions
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User, create_user
from app.domain.operations import sandbox
from app.domain.workspaces import members
from app.domain.workspaces.roles import Role
from app.embedded.mailbox import ReceivedMessage
from app.http.auth import require_scope
from app.http.parameters import MAX_ID
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.api import Headers, authorization, problem, schedule, written
from tests.support.ledger import message_id_of

OPERATIONS = [
    (method.upper(), path)
    for path, item in create_app(Settings(), "").openapi_schema.to_schema()["paths"].items()
    for method, operation in item.items()
    if path.startswith("/api/") and operation.get("security") != [{}]  # open to whoever is not logged in yet
]
OF_ONE_THING = [(method, path) for method, path in OPERATIONS if "{id}" in path]
BODIES: dict[str, Any] = {
    "/api/campaigns/{id}/held": {"answer": "go_on"},
    "/api/senders/{id}/held": {"answer": "go_on"},
    "PATCH": {},
    "/api/responses/{id}/answer": {"body": "Yes"},
    "/api/senders/{id}/signature": {"text": "Ann"},
    "/api/sandbox/messages/{id}/reply": {"text": "Yes"},
    "/api/emails/{id}/resolve": {"as": "sent"},
    "/api/campaigns/{id}/again": {"who": "EVERYBODY"},
    "/api/drafts/{id}": {"name": "Spring", "content": {}, "version": 1},
    "/api/emails/{id}/mend": {"email": "ada@example.com"},
    "/api/saved-lists/{id}/recipients": {"recipients": ["ada@example.com"]},
    "/api/saved-lists/{id}/count": {"filter": []},
    "/api/suppressions/{id}": {"why": "asked"},
    "/api/workspaces/{id}": {"name": "Mine"},
    "/api/members/{id}": {"role": "owner"},
}
QUERIES = {  # what a call does not go without
    "/api/saved-lists/{id}/recipients": "?email=ada@example.com",
}
PEOPLE_ONLY = {
    ("POST", "/api/workspaces"),
    ("POST", "/api/workspaces/{id}/select"),
    ("DELETE", "/api/workspaces/{id}"),
    ("POST", "/api/members/invitations/accept"),
    ("POST", "/api/auth/password"),
    ("GET", "/api/auth/sessions"),
    ("DELETE", "/api/auth/sessions/{id}"),
    ("POST", "/api/admin/users/{id}/reset-link"),
}


def _decisions() -> dict[tuple[str, str], dict[str, Any]]:
    """The role and scope that each handler behind the login asks for, by method and path."""
    return {
        (method, re.sub(r":int}", "}", str(route.path)).rstrip("/")): dict(handler.opt)
        for route in create_app(Settings(), "").routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if require_scope in handler.resolve_guards()
        for method in handler.http_methods
        if method != "OPTIONS"
    }


DECISIONS = _decisions()
HIDE_KEY = {"Authorization": ""}  # of the client that asks, so that the cookie counts
ROLES: tuple[Role, ...] = ("viewer", "member", "owner")
# The calls behind the rules of thumb below on what a call takes.
OWNERS_ALONE = ("/api/keys", "/api/webhooks", "/api/recipients/", "/api/members/")
ONES_OWN = ("/api/auth/", "/api/admin/")
READING_POSTS = {"/api/campaigns/render", "/api/campaigns/render/html", "/api/saved-lists/{id}/count"}
ASKING_GETS = {"/api/senders/discover"}  # of servers that whoever asks names


def _expected(method: str, path: str) -> Role | None:
    if path.startswith(ONES_OWN) or path.endswith(("/accept", "/select")):
        return None
    if path.startswith("/api/workspaces"):
        return "owner" if path == "/api/workspaces/{id}" else None
    if path.startswith(OWNERS_ALONE):
        return "owner"
    reads = method == "GET" and path not in ASKING_GETS
    return "viewer" if reads or path in READING_POSTS else "member"


def test_every_route_has_decided_which_role_it_takes() -> None:
    """A new route comes by here: it says at its handler what it takes, and that is what the rules above say."""
    assert DECISIONS.keys() == set(OPERATIONS)
    without = [operation for operation, opt in DECISIONS.items() if "role" not in opt]
    assert without == []
    assert {o: opt["role"] for o, opt in DECISIONS.items()} == {o: _expected(*o) for o in DECISIONS}


async def test_without_a_key_nothing_is_told_or_done(api: httpx.AsyncClient) -> None:
    del api.headers["Authorization"]
    for method, path in OPERATIONS:
        response = await api.request(method, re.sub(r"{\w+}", "1", path), json={})
        problem(response, 401)
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_key_that_is_none_is_refused(api: httpx.AsyncClient) -> None:
    for value in ("Bearer", "Bearer ", "Bearer unknown", "Bearer schlüssel", "Basic b3duZXI6eA==", "", "\x00"):
        problem(await api.get("/api/campaigns", headers=[(b"Authorization", value.encode())]), 401)


async def test_the_scheme_may_be_written_in_any_case(api: httpx.AsyncClient) -> None:
    headers = {"Authorization": api.headers["Authorization"].replace("Bearer", "bearer")}
    assert (await api.get("/api/campaigns", headers=headers)).status_code == 200


async def _received(pool: Pool, campaign_id: int) -> int:
    """A message of the campaign in the sandbox mailbox; its id."""
    content = f"Message-ID: {await message_id_of(pool, campaign_id)}\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n"
    await sandbox.store(pool, ReceivedMessage("owner@example.com", ["ada@example.com"], content.encode()))
    async with pool.connection() as conn:
        return (await fetch_exactly_one(conn, b"SELECT id FROM sandbox_messages"))["id"]


async def _answered(pool: Pool, email_id: int) -> int:
    """Record a response to an email; its id."""
    insert = b"""
        INSERT INTO responses (workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, weak,
                               message_id, folder, uid_validity, uid, received_at, subject, text, attachments)
        SELECT e.workspace_id, 'REPLY', e.id, e.campaign_id, e.stream_id, s.sender_id, e.recipient, false,
               'a@x.example', 'INBOX', 1, 1, now(), 'Re: Hello', 'Yes', '{}'
        FROM emails e JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
        WHERE e.id = %(email_id)s
        RETURNING id"""
    async with transaction(pool) as conn:
        return (await fetch_exactly_one(conn, insert, {"email_id": email_id}))["id"]


async def _things(api: httpx.AsyncClient, pool: Pool, campaign: dict[str, Any]) -> dict[str, int]:
    """The id of one of each kind in the workspace of `user`, by the part of the path that names the kind."""
    ids = {"campaigns": campaign["id"], "senders": campaign["senderId"]}
    ids["emails"] = (await api.get("/api/emails")).json()["items"][0]["id"]
    ids["responses"] = await _answered(pool, ids["emails"])
    ids["keys"] = (await api.get("/api/keys")).json()["items"][0]["id"]
    await api.post("/api/auth/login", json={"email": "owner@example.com", "password": "correct horse"})
    ids["auth"] = (await api.get("/api/auth/sessions", headers=HIDE_KEY)).json()[0]["id"]
    ids["admin"] = (await api.post("/api/admin/invitations", json={})).json()["id"]
    webhook = {"url": "https://example.com", "events": ["email.failed"]}
    ids["webhooks"] = (await api.post("/api/webhooks", json=webhook)).json()["id"]
    ids["lists"] = (await api.post("/api/lists", json={"recipients": ["ada@example.com"]})).json()["id"]
    ids["saved-lists"] = (await api.post("/api/saved-lists", json={"name": "Buyers"})).json()["id"]
    await api.post("/api/suppressions", json={"emails": ["gone@example.com"]})
    ids["suppressions"] = (await api.get("/api/suppressions")).json()["items"][0]["id"]
    ids["templates"] = (await api.post("/api/templates", json={"name": "Spring"})).json()["id"]
    ids["drafts"] = (await api.post("/api/drafts", json={"name": "Spring", "content": {}})).json()["id"]
    ids["failures"] = (await api.post("/api/failures/decisions", json={"verb": "RETRY"})).json()["id"]
    ids["sandbox"] = await _received(pool, ids["campaigns"])
    me = (await api.get("/api/auth/me")).json()
    ids |= {"workspaces": me["workspaceId"], "members": me["id"]}
    ids["invitations"] = (await api.post("/api/members/invitations", json={"role": "viewer"})).json()["id"]
    api.cookies.clear()
    return ids


def _url(path: str, ids: dict[str, int]) -> str:
    parts = path.split("/")
    kind = "invitations" if parts[2:4] == ["members", "invitations"] else parts[2]
    path += QUERIES.get(path, "")
    return (
        path.replace("{id}", str(ids.get(kind)))
        .replace("{deliveryId}", str(ids.get("deliveries")))
        .replace("{variantId}", "1")
    )


async def _logged_in(pool: Pool, user: User) -> Headers:
    """Headers with a new session of the user, as a browser sends them."""
    async with transaction(pool) as conn:
        return {"Cookie": f"reachinbox={await sessions.begin(conn, user.id, LOCAL, user.workspace_id)}"}


async def _become(pool: Pool, box: SecretBox, user: User, role: Role) -> None:
    """Change the user's role in their own workspace, which somebody else owns from here on, too."""
    other = await create_user(pool, box, f"second-{user.email}", "battery staple", default_hourly_limit=100)
    async with transaction(pool) as conn:
        await members.join(conn, user.workspace_id, other.id, "owner")
    await members.change_role(pool, LOCAL, user.workspace_id, user.id, role)


def _covered(method: str, path: str, role: Role) -> bool:
    needed = DECISIONS[method, path]["role"]
    return needed is None or ROLES.index(role) >= ROLES.index(needed)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("by", ["key", "session"])
async def test_to_a_stranger_nothing_of_anothers_is_there(
    api: httpx.AsyncClient, pool: Pool, box: SecretBox, by: str, role: Role
) -> None:
    scheduled = await schedule(api)
    ids = await _things(api, pool, scheduled["campaign"])
    delivery = (await api.post(f"/api/webhooks/{ids['webhooks']}/test")).json()
    ids["deliveries"] = delivery["id"]
    stranger = await create_user(pool, box, "stranger@example.com", "battery staple", default_hourly_limit=100)
    headers = await (authorization if by == "key" else _logged_in)(pool, stranger)
    await _become(pool, box, stranger, role)
    before = await written(pool)
    for method, path in OF_ONE_THING:
        body = BODIES.get(path, BODIES.get(method))
        answer = await api.request(method, _url(path, ids), json=body, headers=HIDE_KEY | headers)
        refused = path.startswith("/api/admin/") or (by == "key" and (method, path) in PEOPLE_ONLY)
        refused |= not _covered(method, path, role)
        if DECISIONS[method, path].get(
            "workspace"
        ):  # of one that somebody is no member of they do not hear what it takes
            refused = False
        problem(answer, 403 if refused else 404)
    assert len(await sessions.list_sessions(pool, ids["members"], None)) == 1
    shown = (await api.get(f"/api/campaigns/{ids['campaigns']}")).json()
    assert shown | {"waiting": None} == scheduled["campaign"]
    assert (await api.get(f"/api/webhooks/{ids['webhooks']}/deliveries")).json()["items"] == [delivery]
    assert (await api.get("/api/workspaces")).json()[0]["name"] == "owner@example.com"
    assert len((await api.get("/api/members/invitations")).json()) == 1
    assert await written(pool) == before


async def test_anothers_ids_in_queries_and_bodies_name_nothing(
    api: httpx.AsyncClient, pool: Pool, stranger: Headers
) -> None:
    scheduled = await schedule(api, startTime="2099-01-01T00:00:00Z")
    theirs = await _things(api, pool, scheduled["campaign"])
    part = {"file": ("a.txt", b"text", "text/plain")}
    theirs["files"] = (await api.post("/api/files", files=part)).json()["id"]
    message = {"subject": "Hello", "body": "A text."}
    whole = message | {"recipients": ["ada@example.com"], "startTime": "2099-01-01T00:00:00Z"}
    own = (await api.post("/api/campaigns/schedule", json=whole, headers=stranger)).json()["campaign"]["id"]
    campaign, sender, email = theirs["campaigns"], theirs["senders"], theirs["emails"]
    before = await written(pool)
    for path in ("emails", "responses", "campaigns", "alerts", "suppressions", "stats/hourly"):
        for query in ({"campaignId": campaign}, {"senderId": sender}, {"emailId": email}):
            answer = await api.get(f"/api/{path}", params=query, headers=stranger)
            assert "owner@example.com" not in answer.text
            if path == "emails" and "emailId" not in query:
                assert answer.json()["items"] == []
    for method, path, body, status in (
        ("POST", "/api/campaigns/schedule", whole | {"senderId": sender}, 422),
        ("POST", "/api/campaigns/schedule", whole | {"senderIds": [sender]}, 422),
        ("POST", "/api/campaigns/schedule", whole | {"attachments": [theirs["files"]]}, 422),
        ("POST", "/api/campaigns/schedule", whole | {"notInCampaigns": [campaign]}, 422),
        ("POST", "/api/campaigns/schedule", message | {"listId": theirs["lists"]}, 422),
        ("POST", "/api/campaigns/schedule", message | {"savedListId": theirs["saved-lists"]}, 422),
        ("POST", "/api/campaigns/preview", whole | {"senderId": sender}, 422),
        ("POST", "/api/campaigns/preview", message | {"listId": theirs["lists"]}, 422),
        ("POST", "/api/campaigns/test", message | {"to": "ada@example.com", "senderId": sender}, 422),
        ("PATCH", f"/api/campaigns/{own}", {"senderIds": [sender]}, 422),
        ("PATCH", f"/api/campaigns/{own}", {"attachments": [theirs["files"]]}, 422),
        ("POST", "/api/templates", {"name": "Mine", "attachments": [theirs["files"]]}, 422),
        ("POST", "/api/emails/resolve", {"ids": [email], "as": "sent"}, 200),
        ("POST", "/api/emails/resolve", {"campaignId": campaign, "as": "sent"}, 404),
        ("POST", "/api/failures/decisions", {"verb": "PUT_ASIDE", "ids": [email]}, 201),
        ("POST", "/api/failures/decisions", {"verb": "PUT_ASIDE", "campaignId": campaign}, 404),
    ):
        answer = await api.request(method, path, json=body, headers=stranger)
        assert answer.status_code == status, (path, body, answer.text)
        if status < 400:
            assert {answer.json().get(name) for name in ("decided", "changed")} <= {0, None}
    assert await written(pool) == before
    kept = await api.post(
        "/api/drafts",
        json={"name": "d", "content": {}, "lists": [theirs["lists"]], "files": [theirs["files"]]},
        headers=stranger,
    )
    assert kept.status_code == 201  # names of no list and no file of this workspace's
    problem(await api.get(f"/api/lists/{theirs['lists']}", headers=stranger), 404)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("by", ["key", "session"])
async def test_each_role_may_do_what_the_handlers_say(
    api: httpx.AsyncClient, pool: Pool, box: SecretBox, user: User, by: str, role: Role
) -> None:
    """Asked with what nobody takes, so that a call that is let in ends in its own complaint."""
    headers = HIDE_KEY | await (authorization if by == "key" else _logged_in)(pool, user)
    await _become(pool, box, user, role)
    ids = {"workspaces": user.workspace_id, "members": user.id + 1_000_000}
    for method, path in OPERATIONS:
        if path in {"/api/events", "/api/auth/logout"}:  # the first goes on and on, the second ends the session
            continue
        url = _url(path, ids).replace("None", str(MAX_ID))
        answer = await api.request(method, url, json={"what nobody": "takes"}, headers=headers)
        people_only = by == "key" and (method, path) in PEOPLE_ONLY
        allowed = _covered(method, path, role) and not people_only
        if path.startswith("/api/admin/") and allowed:
            allowed = user.is_admin
        assert (answer.status_code == 403) == (not allowed), (method, path, answer.text)
        if not allowed and not people_only and not path.startswith("/api/admin/"):
            needed = DECISIONS[method, path]["role"]
            assert answer.json()["detail"] == f"this takes the role {needed} in the workspace, and you are {role}"


async def test_a_strangers_lists_are_empty(api: httpx.AsyncClient, stranger: Headers) -> None:
    await schedule(api)
    for thing in ("campaigns", "emails", "webhooks"):
        assert (await api.get(f"/api/{thing}", headers=stranger)).json() == {"items": [], "nextCursor": None}


async def test_everybody_has_a_default_sender(api: httpx.AsyncClient, stranger: Headers) -> None:
    for headers, address in ((None, "owner@example.com"), (stranger, "stranger@example.com")):
        (sender,) = (await api.get("/api/senders", headers=headers)).json()["items"]
        assert (sender["email"], sender["isDefault"]) == (address, True)


async def test_what_is_no_id_is_not_there(api: httpx.AsyncClient, pool: Pool, user: User) -> None:
    api.headers = httpx.Headers(await _logged_in(pool, user))
    for method, path in OF_ONE_THING:
        body = BODIES.get(path, BODIES.get(method))
        for no_id in ("0", "-1", "1.5", "x", str(2**63), "9" * 5000, "%00"):
            url = re.sub(r"{\w+}", no_id, path) + QUERIES.get(path, "")
            problem(await api.request(method, url, json=body), 404)
