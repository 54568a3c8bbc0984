"""Server-sent events: what changes, as it changes.

A stream ends after a few minutes, and the browser asks anew by itself: the first events of a stream say all there is to
know. It ends within seconds when its person is no longer let in, or is in another workspace.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import msgspec
from litestar import Request, get
from litestar.response import Stream

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.operations import events
from app.domain.workspaces.roles import VIEWER
from app.errors import AnotherAccount, Forbidden, Unauthenticated
from app.http.auth import Access, authenticate
from app.http.errors import problems
from app.http.parameters import ThePool, TheUser

STREAM_S = 300.0
LET_IN_S = 2.0  # how long somebody may go on watching who is let in no more
QUIET_S = 15.0  # proxies give up on a connection on which nothing comes


@get(
    "/events",
    opt={"role": VIEWER},
    tags=["campaigns"],
    media_type="text/event-stream",
    summary="Progress as it happens, as server-sent events",
    response_description=(
        "Events `campaign` (id, status, total, counts, usedThisHour, nextAt, lastAt, finishedAt, held) and `sender` "
        "(id, blockedUntil, blockReason, held), as JSON: first the state of all that runs, then each second what "
        "changed. The stream ends after five minutes; ask anew."
    ),
    responses=problems(),
)
async def watch_events(request: Request[User, Access, Any], pool: ThePool, user: TheUser) -> Stream:
    async def let_in() -> bool:
        try:
            now, _ = await authenticate(request)
        except (Unauthenticated, Forbidden, AnotherAccount):
            return False
        return now.workspace_id == user.workspace_id

    return Stream(
        _stream(pool, user.workspace_id, request.app.state["closing"], let_in),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},  # nginx would collect them
    )


async def _stream(
    pool: Pool, workspace_id: int, closing: asyncio.Event, let_in: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    encode = msgspec.json.Encoder().encode
    began = spoke = asked = time.monotonic()
    yield b"retry: 1000\n\n"
    async for changed in events.watch(pool, workspace_id, closing):
        now = time.monotonic()
        if now - began > STREAM_S:
            return
        if now - asked > LET_IN_S:
            still = False
            # A cancel in the middle of a query would cost the pool its connection.
            with anyio.CancelScope(shield=True):
                still = await let_in()
            if not still:
                return
            asked = now
        if changed:
            yield b"".join(b"event: %b\ndata: %b\n\n" % (event.kind.encode(), encode(event)) for event in changed)
            spoke = now
        elif now - spoke > QUIET_S:
            yield b": still here\n\n"
            spoke = now
