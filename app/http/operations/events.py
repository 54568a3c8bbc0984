"""Server-sent events: what changes, as it changes.

A stream ends after a few minutes, and the browser asks anew by itself: the first events of a stream say all there is to
know. It ends within seconds when its person is no longer let in, or is in another workspace.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

import anyio
import msgspec
from litestar import Request, get
from litestar.response import Stream

from app.domain.accounts.users import User
from app.domain.operations.watching import Watching
from app.domain.workspaces.roles import VIEWER
from app.errors import AnotherAccount, Forbidden, TooMany, Unauthenticated
from app.http.auth import Access, authenticate
from app.http.errors import problems
from app.http.parameters import TheUser

STREAM_S = 300.0
LET_IN_S = 2.0  # how long somebody may go on watching who is let in no more
QUIET_S = 15.0  # proxies give up on a connection on which nothing comes
MOST_STREAMS = 10  # of a person, tabs and keys together

LetIn = Callable[[], Awaitable[bool]]

_open: Counter[int] = Counter()  # streams, by person


@get(
    "/events",
    opt={"role": VIEWER},
    tags=["campaigns"],
    media_type="text/event-stream",
    summary="Progress as it happens, as server-sent events",
    response_description=(
        "Events `campaign` (id, status, total, counts, usedThisHour, nextAt, lastAt, finishedAt, held), `sender` "
        "(id, blockedUntil, blockReason, held), and `responses` (latestId: something came back), as JSON: first the "
        "state of all that runs, then each second what "
        "changed. The stream ends after five minutes; ask anew."
    ),
    responses=problems(HTTPStatus.TOO_MANY_REQUESTS),
)
async def watch_events(request: Request[User, Access, Any], user: TheUser) -> Stream:
    if _open[user.id] >= MOST_STREAMS:
        raise TooMany(f"you have {MOST_STREAMS} streams of events open, the most; close one first", retry_s=30)

    async def let_in() -> bool:
        try:
            now, _ = await authenticate(request)
        except (Unauthenticated, Forbidden, AnotherAccount):
            return False
        return now.workspace_id == user.workspace_id

    return Stream(
        _stream(request.app.state["watching"], user, let_in),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},  # nginx would collect them
    )


async def _stream(watching: Watching, user: User, let_in: LetIn) -> AsyncGenerator[bytes]:
    if _open[user.id] >= MOST_STREAMS:  # others have begun since it was asked
        return
    _open[user.id] += 1
    try:
        async with aclosing(_pieces(watching, user.workspace_id, let_in)) as pieces:
            async for piece in pieces:
                yield piece
    finally:
        _open[user.id] -= 1
        if not _open[user.id]:
            del _open[user.id]


async def _pieces(watching: Watching, workspace_id: int, let_in: LetIn) -> AsyncGenerator[bytes]:
    encode = msgspec.json.Encoder().encode
    began = spoke = asked = time.monotonic()
    yield b"retry: 1000\n\n"
    async with aclosing(watching.watch(workspace_id)) as news:
        async for changed in news:
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
