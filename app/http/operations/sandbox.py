"""Messages that the sandbox mailbox received, over HTTP, and answers to them; only where it runs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import MediaType, Response, Router, delete, get, post
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody, QueryParameter

from app.domain.operations import sandbox, sandbox_replies
from app.domain.operations.sandbox import SandboxMessage, SandboxSummary
from app.domain.operations.sandbox_replies import SandboxReplied
from app.domain.pages import Page, PageRequest
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.errors import NotFound
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import MAX_ID, Cursor, Id, Limit, TheActor, ThePool, TheUser

Search = Annotated[str | None, QueryParameter(name="q", description="A part of the recipient's address.")]
Last = Annotated[
    int,
    QueryParameter(name="last", ge=1, le=MAX_ID, description="The newest message to be removed; newer ones stay."),
]


class SandboxReply(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The answer of a received message's recipient."""

    text: str = "Thank you, that is interesting. Let us talk."


async def only_where_it_runs(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """A guard. Raises NotFound."""
    if not connection.app.state["settings"].sandboxed:
        raise NotFound("there is no sandbox mailbox: SMTP_HOST names a real server")


@get(
    "/messages",
    opt={"role": VIEWER},
    summary="Received messages, newest first",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def list_sandbox_messages(
    pool: ThePool, user: TheUser, q: Search = None, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[SandboxSummary], schema_name("SandboxSummaryPage")]:
    return await sandbox.list_messages(pool, user.workspace_id, PageRequest(limit, cursor), q)


@delete(
    "/messages",
    opt={"role": MEMBER},
    summary="Remove received messages; campaigns and their emails stay as they are",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def remove_sandbox_messages(pool: ThePool, user: TheUser, actor: TheActor, last: Last) -> None:
    await sandbox.remove_all(pool, actor, user.workspace_id, last)


@get("/messages/{id:int}", opt={"role": VIEWER}, summary="A received message", responses=problems(HTTPStatus.NOT_FOUND))
async def get_sandbox_message(pool: ThePool, user: TheUser, message_id: Id) -> SandboxMessage:
    return await sandbox.get_message(pool, user.workspace_id, message_id)


@get(
    "/messages/{id:int}/html",
    opt={"framed": True, "role": VIEWER},
    media_type=MediaType.HTML,
    summary="The HTML of a received message, fit to be shown in a frame",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def show_sandbox_message(pool: ThePool, user: TheUser, message_id: Id) -> Response[str]:
    message = await sandbox.get_message(pool, user.workspace_id, message_id)
    if message.html is None:
        raise NotFound("the message has no HTML")
    return Response(message.html, media_type=MediaType.HTML)


@post(
    "/messages/{id:int}/reply",
    opt={"role": MEMBER},
    summary="Answer a received message as its recipient: what follows is what follows from an answer",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def reply_to_sandbox_message(
    pool: ThePool, user: TheUser, message_id: Id, data: JSONBody[SandboxReply]
) -> SandboxReplied:
    return await sandbox_replies.reply(pool, user.workspace_id, message_id, data.text)


router = Router(
    "/sandbox",
    tags=["sandbox"],
    guards=[only_where_it_runs],
    route_handlers=[
        list_sandbox_messages,
        remove_sandbox_messages,
        get_sandbox_message,
        show_sandbox_message,
        reply_to_sandbox_message,
    ],
)
