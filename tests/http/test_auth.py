"""Who may ask: every call under /api but the schema needs a key, and shows its holder's own rows alone."""

from __future__ import annotations

import re
from typing import Any

import httpx

from app.asgi import create_app
from app.db import Pool, fetch_exactly_one
from app.domain.operations import sandbox
from app.embedded.mailbox import ReceivedMessage
from app.settings import Settings
from tests.support.api import Headers, problem, schedule, written

OPERATIONS = [
    (method.upper(), path)
    for path, item in create_app(Settings(), "").openapi_schema.to_schema()["paths"].items()
    for method, operation in item.items()
    if path.startswith("/api/") and operation.get("security") != [{}]  # open to whoever is not logged in yet
]
OF_ONE_THING = [(method, path) for method, path in OPERATIONS if "{id}" in path]
BODIES: dict[str, Any] = {"PATCH": {}, "/api/emails/{id}/resolve": {"as": "sent"}}


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
    content = f"Message-ID: <1.{campaign_id}.reachinbox@example.com>\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n"
    await sandbox.store(pool, ReceivedMessage("owner@example.com", ["ada@example.com"], content.encode()))
    async with pool.connection() as conn:
        return (await fetch_exactly_one(conn, b"SELECT id FROM sandbox_messages"))["id"]


async def test_to_a_stranger_nothing_of_anothers_is_there(
    api: httpx.AsyncClient, pool: Pool, stranger: Headers
) -> None:
    scheduled = await schedule(api)
    ids = {"campaigns": scheduled["campaign"]["id"], "senders": scheduled["campaign"]["senderId"]}
    ids["emails"] = (await api.get("/api/emails")).json()["items"][0]["id"]
    ids["keys"] = (await api.get("/api/keys")).json()["items"][0]["id"]
    await api.post("/api/auth/login", json={"email": "owner@example.com", "password": "correct horse"})
    ids["auth"] = (await api.get("/api/auth/sessions")).json()[0]["id"]
    ids["admin"] = (await api.post("/api/admin/invitations", json={})).json()["id"]
    webhook = {"url": "https://example.com", "events": ["email.failed"]}
    ids["webhooks"] = (await api.post("/api/webhooks", json=webhook)).json()["id"]
    delivery = (await api.post(f"/api/webhooks/{ids['webhooks']}/test")).json()
    ids["sandbox"] = await _received(pool, ids["campaigns"])
    api.cookies.clear()
    before = await written(pool)
    for method, path in OF_ONE_THING:
        url = path.replace("{id}", str(ids[path.split("/")[2]])).replace("{deliveryId}", str(delivery["id"]))
        body = BODIES.get(path, BODIES.get(method))
        status = 403 if path.startswith("/api/admin/") else 404
        problem(await api.request(method, url, json=body, headers=stranger), status)
    assert len((await api.get("/api/auth/sessions")).json()) == 1
    assert (await api.get(f"/api/campaigns/{ids['campaigns']}")).json() == scheduled["campaign"]
    assert (await api.get(f"/api/webhooks/{ids['webhooks']}/deliveries")).json()["items"] == [delivery]
    assert await written(pool) == before


async def test_a_strangers_lists_are_empty(api: httpx.AsyncClient, stranger: Headers) -> None:
    await schedule(api)
    for thing in ("campaigns", "emails", "webhooks"):
        assert (await api.get(f"/api/{thing}", headers=stranger)).json() == {"items": [], "nextCursor": None}


async def test_everybody_has_a_default_sender(api: httpx.AsyncClient, stranger: Headers) -> None:
    for headers, address in ((None, "owner@example.com"), (stranger, "stranger@example.com")):
        (sender,) = (await api.get("/api/senders", headers=headers)).json()["items"]
        assert (sender["email"], sender["isDefault"]) == (address, True)


async def test_what_is_no_id_is_not_there(api: httpx.AsyncClient) -> None:
    for method, path in OF_ONE_THING:
        body = BODIES.get(path, BODIES.get(method))
        for no_id in ("0", "-1", "1.5", "x", str(2**63), "9" * 5000, "%00"):
            problem(await api.request(method, re.sub(r"{\w+}", no_id, path), json=body), 404)
