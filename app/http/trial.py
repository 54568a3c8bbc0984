"""A trial answers for this very machine alone.

While BASE_URL is local there is a demo, private servers may be named, and the first visitor administers everything. Two
ways lead others there: a page whose name is pointed at 127.0.0.1 once it is loaded (DNS rebinding), and an installation
that everybody reaches and that nobody told its address. Both show in the Host that a request names.
"""

from __future__ import annotations

import re
from http import HTTPStatus

import msgspec
from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send

from app.http.errors import Problem
from app.http.headers import security_headers
from app.settings import Settings

_THIS_MACHINE = re.compile(rb"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
# A container's probe asks by whatever address it knows, and all that it learns is that somebody is there.
_FOR_EVERYBODY = "/healthz"


def for_this_machine(app: ASGIApp) -> ASGIApp:
    """The application, which a trial's requests reach only if they name this machine; others are answered with 421."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == _FOR_EVERYBODY or not _is_trial(scope) or _is_named(scope):
            await app(scope, receive, send)
            return
        status = HTTPStatus.MISDIRECTED_REQUEST
        problem = Problem(
            type="urn:reachinbox:problem:misdirected",
            title=status.phrase,
            status=status,
            detail=(
                "this is a trial, which answers for localhost, 127.0.0.1 and [::1] only; to reach it by another name, "
                "set BASE_URL to that address"
            ),
            instance=scope["path"],
        )
        start = {"type": "http.response.start", "status": status.value, "headers": []}
        start["headers"] = [(b"content-type", b"application/problem+json")]
        await security_headers(start, scope)  # pyright: ignore[reportArgumentType] -- as ASGI has it
        await send(start)  # pyright: ignore[reportArgumentType]
        await send({"type": "http.response.body", "body": msgspec.json.encode(problem), "more_body": False})

    return application


def _is_trial(scope: Scope) -> bool:
    settings: Settings = Litestar.from_scope(scope).state["settings"]
    return settings.is_local


def _is_named(scope: Scope) -> bool:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and _THIS_MACHINE.fullmatch(hosts[0]) is not None
