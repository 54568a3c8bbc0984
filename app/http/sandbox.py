"""What the sandbox mailbox received, over HTTP; only where it runs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from litestar import Router, get

from app.domain import sandbox
from app.domain.pages import Page, PageRequest
from app.domain.sandbox import SandboxMessage
from app.errors import NotFound
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import Cursor, Limit, ThePool, TheSettings, TheUser


@get("/messages", summary="Received messages, newest first", responses=problems(HTTPStatus.NOT_FOUND))
async def list_sandbox_messages(
    pool: ThePool, user: TheUser, settings: TheSettings, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[SandboxMessage], schema_name("SandboxMessagePage")]:
    if not settings.sandboxed:
        raise NotFound("there is no sandbox mailbox: SMTP_HOST names a real server")
    return await sandbox.list_messages(pool, user.id, PageRequest(limit, cursor))


router = Router("/sandbox", tags=["sandbox"], route_handlers=[list_sandbox_messages])
