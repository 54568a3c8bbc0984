"""Bodies that take long: their senders are let in still when they have come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.campaigns.content import Content, Rendered
from app.domain.planning.course import sql as plans
from app.http import bodies
from app.http.campaigns import schedule
from tests.support.api import authorization
from tests.support.engine import execute, value, wait_for, wait_until_blocked

CAMPAIGN = {"subject": "Hello", "body": "Hello.", "recipients": "ada@example.com"}
JSON = b'{"subject": "Hello", "body": "Hello.", "recipients": ["ada@example.com"]}'
FORM = "".join(
    f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in CAMPAIGN.items()
)

DEMOTED = """
    WITH other AS (INSERT INTO users (email) VALUES ('other@example.com') RETURNING id),
    owner AS (INSERT INTO members (workspace_id, user_id, role)
              SELECT workspace_id, other.id, 'owner' FROM members, other)
    UPDATE members SET role = 'viewer'
"""


UNDONE = pytest.mark.parametrize(
    ("undone", "status"),
    [
        ("UPDATE users SET disabled_at = now()", 401),
        ("UPDATE api_keys SET revoked_at = now()", 401),
        (DEMOTED, 403),
        ("UPDATE workspaces SET name = 'Another name'", 201),
    ],
)


@UNDONE
@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/json", JSON), ("multipart/form-data; boundary=b", f"{FORM}--b--\r\n".encode())],
    ids=["json", "form"],
)
async def test_whoever_is_let_in_no_more_when_the_body_has_come_does_nothing(
    api: httpx.AsyncClient,
    pool: Pool,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    undone: str,
    status: int,
    content_type: str,
    body: bytes,
) -> None:
    """At the least pace a campaign may come for an hour, and long after its account was disabled it was scheduled."""
    monkeypatch.setattr(bodies, "LET_IN_S", 0)
    headers = await authorization(pool, user) | {"Content-Type": content_type, "Content-Length": str(len(body))}

    async def coming() -> AsyncIterator[bytes]:
        yield body[:-1]
        await execute(pool, undone)
        yield body[-1:]

    answer = await api.post("/api/campaigns/schedule", content=coming(), headers=headers)
    assert answer.status_code == status, answer.text
    assert await value(pool, "SELECT count(*) FROM campaigns") == (status == 201)


async def _let_in(waits: Callable[[], bool]) -> None:
    """Wait until the request that was let in waits for its turn: one that comes later finds out by being let in."""

    async def so() -> bool:
        return waits()

    await wait_for(so, "the request to wait for its turn")


@UNDONE
async def test_whoever_is_let_in_no_more_when_their_turn_comes_does_nothing(
    api: httpx.AsyncClient, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch, undone: str, status: int
) -> None:
    """A request that waited for others of its workspace made a key after the one that it came by was revoked."""
    let_go, here = asyncio.Event(), 0

    async def render(self: Content, *message: object, **more: object) -> Rendered:
        nonlocal here
        here += 1
        await let_go.wait()
        return Rendered("s", "b", None, [], [])

    monkeypatch.setattr(Content, "render", render)
    headers = {"Content-Type": "application/json"}
    message = json.dumps({"subject": "s", "body": "b", "email": "a@example.com"}).ljust(bodies.PUBLIC + 1)
    asked = [
        asyncio.create_task(api.post("/api/campaigns/render", content=message, headers=headers))
        for _ in range(bodies.MIDDLING_OF_ONE)
    ]

    async def all_taken() -> bool:
        return here == bodies.MIDDLING_OF_ONE

    await wait_for(all_taken, "every turn to be taken")
    body = json.dumps({"name": "late"}).ljust(bodies.PUBLIC + 1)
    headers |= await authorization(pool, user)
    late = asyncio.create_task(api.post("/api/keys", content=body, headers=headers))
    turns = bodies._middling  # pyright: ignore[reportPrivateUsage]
    await _let_in(lambda: bool(turns._waiting))  # pyright: ignore[reportPrivateUsage]
    await execute(pool, undone)
    let_go.set()
    answer = await late
    assert answer.status_code == status, answer.text
    assert await value(pool, "SELECT count(*) FROM api_keys WHERE name = 'late'") == (status == 201)
    assert {each.status_code for each in await asyncio.gather(*asked)} == {200}


@UNDONE
async def test_whoever_is_let_in_no_more_when_the_first_of_repeats_is_answered_is_told_so(
    api: httpx.AsyncClient, pool: Pool, user: User, undone: str, status: int
) -> None:
    """Whatever the first becomes, the one that repeats it neither schedules nor reads what it scheduled."""
    url, headers = "/api/campaigns/schedule", {"Idempotency-Key": "impatient", "Content-Type": "application/json"}
    async with pool.connection() as conn, conn.transaction():
        sender_id = await value(pool, "SELECT id FROM senders WHERE is_default")
        await conn.execute(plans.lock_plan, {"sender_ids": [sender_id]})
        first = asyncio.create_task(api.post(url, content=JSON, headers=headers))
        await wait_until_blocked(pool)
        late = asyncio.create_task(api.post(url, content=JSON, headers=headers | await authorization(pool, user)))
        repeats = schedule._repeats  # pyright: ignore[reportPrivateUsage]
        await _let_in(lambda: 2 in repeats._here.values())  # pyright: ignore[reportPrivateUsage]
        await execute(pool, undone)
    assert (await first).status_code == 201
    answer = await late
    assert answer.status_code == status, answer.text
