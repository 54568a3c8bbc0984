"""Server-sent events: what changes, as it changes.

A stream ends after a few minutes, and the browser asks anew by itself: so the stream of a session that has ended
ends too, and the first events of a stream say all there is to know.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request, get
from litestar.response import Stream

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.operations import events
from app.http.auth import Access
from app.http.errors import problems
from app.http.parameters import ThePool, TheUser

STREAM_S = 300.0
QUIET_S = 15.0  # proxies give up on a connection on which nothing comes


@get(
    "/events",
    tags=["campaigns"],
    media_type="text/event-stream",
    summary="Progress as it happens, as server-sent events",
    response_description=(
        "Events `campaign` (id, status, total, counts, usedThisHour, nextAt, lastAt, finishedAt) and `sender` (id, "
        "blockedUntil, blockReason), as JSON: first the state of all that runs, then each second what changed. The "
        "stream ends after five minutes; ask anew."
    ),
    responses=problems(),
)
async def watch_events(request: Request[User, Access, Any], pool: ThePool, user: TheUser) -> Stream:
    return Stream(
        _stream(pool, user.workspace_id, request.app.state["closing"]),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},  # nginx would collect them
    )


async def _stream(pool: Pool, workspace_id: int, closing: asyncio.Event) -> AsyncIterator[bytes]:
    encode = msgspec.json.Encoder().encode
    began = spoke = time.monotonic()
    yield b"retry: 1000\n\n"
    async for changed in events.watch(pool, workspace_id, closing):
        now = time.monotonic()
        if now - began > STREAM_S:
            return
        if changed:
            yield b"".join(b"event: %b\ndata: %b\n\n" % (event.kind.encode(), encode(event)) for event in changed)
            spoke = now
        elif now - spoke > QUIET_S:
            yield b": still here\n\n"
            spoke = now
