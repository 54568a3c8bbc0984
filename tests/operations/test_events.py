"""GET /api/events: progress as server-sent events, from a real server."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg import OperationalError

from app.db import Pool, transaction
from app.domain.accounts import administration, sessions
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User, create_user
from app.domain.operations import events
from app.domain.operations.watching import Watching
from app.domain.workspaces import members
from app.http.operations.events import LET_IN_S, MOST_STREAMS
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.api import Headers, authorization, listening, problem, schedule, serve
from tests.support.engine import execute, wait_for
from tests.support.waiting import BOUND_S


@pytest.fixture
async def client(settings: Settings, database_url: str, pool: Pool, user: User) -> AsyncIterator[httpx.AsyncClient]:
    headers = await authorization(pool, user)
    async with (
        listening(settings, database_url) as base_url,
        httpx.AsyncClient(base_url=base_url, headers=headers, timeout=BOUND_S) as client,
    ):
        yield client


Event = tuple[str, Any]


@asynccontextmanager
async def watching(client: httpx.AsyncClient, headers: Headers | None = None) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of a stream, each with its name, as they come."""
    async with client.stream("GET", "/api/events", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"

        async def events() -> AsyncIterator[Event]:
            name = ""
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))

        yield events()


async def test_a_stream_tells_the_state_first_and_then_what_changes(client: httpx.AsyncClient) -> None:
    later = {"startTime": "2030-01-01T00:00:00Z"}
    first = (await schedule(client, ["ada@example.com", "bob@example.com"], **later))["campaign"]["id"]
    async with watching(client) as events:
        kind, progress = await anext(events)
        assert (kind, progress["id"], progress["status"], progress["total"]) == ("campaign", first, "ACTIVE", 2)
        whole = (await client.get(f"/api/campaigns/{first}")).json()
        assert progress == {name: whole[name] for name in progress}
        second = (await schedule(client, **later))["campaign"]["id"]
        assert (await anext(events))[1]["id"] == second
        await client.post(f"/api/campaigns/{first}/pause")
        assert [(e["id"], e["status"]) for _, e in [await anext(events)]] == [(first, "PAUSED")]
        await client.post(f"/api/campaigns/{first}/cancel")
        _, ended = await anext(events)
        assert (ended["status"], ended["counts"]["CANCELLED"]) == ("CANCELLED", 2)


async def test_a_stream_tells_of_a_blocked_sender_and_of_its_recovery(client: httpx.AsyncClient, pool: Pool) -> None:
    async with watching(client) as events, pool.connection() as conn:
        await conn.execute("UPDATE senders SET blocked_until = now() + interval '1 hour', block_reason = 'no login'")
        kind, sender = await anext(events)
        assert (kind, sender["blockReason"]) == ("sender", "no login")
        await conn.execute("UPDATE senders SET blocked_until = NULL, block_reason = NULL")
        kind, after = await anext(events)
        assert (kind, after) == (
            "sender",
            {"id": sender["id"], "blockedUntil": None, "blockReason": None, "held": None},
        )


async def test_a_stream_tells_what_a_servers_words_hold_back_and_when_they_do_no_more(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    campaign = (await schedule(client, startTime="2030-01-01T00:00:00Z"))["campaign"]["id"]
    async with watching(client) as events, pool.connection() as conn:
        assert (await anext(events))[1]["held"] is None
        for kind, whose in (("campaign", campaign), ("sender", None)):
            await conn.execute(
                "INSERT INTO holds (workspace_id, login_id, stream_id, reason, signature, words, since, probe_at)"
                " SELECT workspace_id, login_id, (SELECT id FROM streams WHERE campaign_id = %s), 'REFUSED', 'x',"
                " '554 no', now(), now() FROM senders WHERE email = 'owner@example.com'",
                [whose],
            )
            told, state = await anext(events)
            assert (told, state["held"]["words"]) == (kind, "554 no")
            await conn.execute("DELETE FROM holds")
            told, state = await anext(events)
            assert (told, state["held"]) == (kind, None)


async def test_a_stream_tells_nothing_of_other_users(client: httpx.AsyncClient, stranger: Headers) -> None:
    async with watching(client, stranger) as events:
        await schedule(client, startTime="2030-01-01T00:00:00Z")
        theirs = await client.post(
            "/api/campaigns/schedule",
            headers=stranger,
            json={"subject": "s", "body": "b", "recipients": ["x@example.com"], "startTime": "2030-01-01T00:00:00Z"},
        )
        assert (await anext(events))[1]["id"] == theirs.json()["campaign"]["id"]


@pytest.mark.parametrize("leaves", ["removed", "another workspace selected", "logged out", "disabled"])
async def test_a_stream_ends_within_seconds_for_whoever_is_no_longer_in_the_workspace(
    client: httpx.AsyncClient, pool: Pool, box: SecretBox, user: User, leaves: str
) -> None:
    guest = await create_user(pool, box, "guest@example.com", "battery staple", default_hourly_limit=100)
    async with transaction(pool) as conn:
        await members.join(conn, user.workspace_id, guest.id, "viewer")
        token = await sessions.begin(conn, guest.id, LOCAL, user.workspace_id)
    await schedule(client, startTime="2030-01-01T00:00:00Z")
    headers = {"Authorization": "", "Cookie": f"reachinbox={token}"}
    async with watching(client, headers) as events:
        await anext(events)
        if leaves == "removed":
            await members.remove(pool, box, LOCAL, user.workspace_id, guest.id, default_hourly_limit=100)
        elif leaves == "logged out":
            await execute(pool, "DELETE FROM sessions")
        elif leaves == "disabled":
            await administration.disable(pool, LOCAL, guest.id)
        else:
            (await client.post(f"/api/workspaces/{guest.workspace_id}/select", headers=headers)).raise_for_status()
        assert await asyncio.wait_for(_rest(events), 2 * LET_IN_S + 5) == []


async def _rest(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]


async def test_a_stream_needs_a_login(client: httpx.AsyncClient) -> None:
    problem(await client.get("/api/events", headers={"Authorization": "Bearer nobody"}), 401)


async def test_watchers_who_leave_give_back_their_connections(client: httpx.AsyncClient) -> None:
    await schedule(client, startTime="2030-01-01T00:00:00Z")
    for _ in range(3):
        await asyncio.gather(*[_look_once(client) for _ in range(MOST_STREAMS)])
    assert (await client.get("/api/campaigns")).status_code == 200


async def _look_once(client: httpx.AsyncClient) -> None:
    async with watching(client) as events:
        await anext(events)


async def test_open_streams_do_not_hold_up_the_end_of_the_api(
    database_url: str, pool: Pool, user: User, tmp_path: Path
) -> None:
    headers = await authorization(pool, user)
    async with (
        serve(database_url, tmp_path) as server,
        httpx.AsyncClient(base_url=server.base_url, headers=headers, timeout=BOUND_S) as client,
    ):
        await schedule(client, startTime="2030-01-01T00:00:00Z")
        async with watching(client) as events:
            await anext(events)
            server.process.send_signal(signal.SIGTERM)
            assert [event async for event in events] == []
        assert await asyncio.wait_for(server.process.wait(), BOUND_S) == 0


async def test_a_person_has_ten_streams_and_may_open_another_when_one_has_ended(
    client: httpx.AsyncClient, stranger: Headers
) -> None:
    async with AsyncExitStack() as others:
        for _ in range(MOST_STREAMS - 1):
            await others.enter_async_context(watching(client))
        async with watching(client):
            refused = await client.get("/api/events")
            assert "10 streams" in problem(refused, 429)["detail"]
            assert int(refused.headers["retry-after"]) > 0
            async with watching(client, stranger):
                pass

        async def another() -> bool:
            async with client.stream("GET", "/api/events") as response:
                return response.status_code == 200

        await wait_for(another, "the place of the stream that ended is free")


async def test_streams_of_a_workspace_share_one_look_at_the_database(
    pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = events.look

    async def counted(*args: Any) -> list[events.Event]:
        nonlocal looks
        looks += 1
        return await look(*args)

    monkeypatch.setattr(events, "look", counted)
    monkeypatch.setattr("app.domain.operations.watching.EVERY_S", 0.05)
    stop = asyncio.Event()
    everybody = Watching(pool, stop)
    seen: list[int] = []

    async def watch() -> None:
        async with aclosing(everybody.watch(user.workspace_id)) as news:
            seen.append(0)
            number = len(seen) - 1
            async for _ in news:
                seen[number] += 1

    streams = [asyncio.create_task(watch()) for _ in range(20)]

    async def all_seen() -> bool:
        return len(seen) == 20 and min(seen) >= 5

    await wait_for(all_seen, "each stream has heard of five looks")
    assert looks <= max(seen) + 1
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    await asyncio.wait_for(everybody.end(), BOUND_S)  # nobody watches any more, so nobody looks
    before = looks
    async with aclosing(everybody.watch(user.workspace_id)) as again:
        await anext(again)
        assert looks == before + 1
        stop.set()
        assert [changed async for changed in again] == []
    await everybody.end()


async def test_a_stream_ends_where_the_database_cannot_be_asked_and_the_next_begins_anew(
    pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = asyncio.Event()
    everybody = Watching(pool, stop)
    with monkeypatch.context() as patch:

        async def away(*_: Any) -> list[events.Event]:
            raise OperationalError("the database is away")

        patch.setattr(events, "look", away)
        assert [changed async for changed in everybody.watch(user.workspace_id)] == []
    assert await anext(everybody.watch(user.workspace_id)) == []
    stop.set()
    await everybody.end()
