"""Responses over HTTP: replies, bounces, complaints and opt-outs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import MediaType, Router, get, patch
from litestar import Response as Answer
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody, QueryParameter

from app.domain.inbound import privacy, responses, threads
from app.domain.inbound.record import ResponseKind
from app.domain.inbound.responses import (
    CHOSEN,
    LABEL,
    AnswerKind,
    LabelCount,
    Marked,
    Response,
    ResponseChanges,
    ResponseFilter,
    ResponseSummary,
)
from app.domain.inbound.threads import Thread
from app.domain.pages import Page, PageRequest
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.errors import NotFound
from app.http.auth import Connection
from app.http.campaigns.message import AnId
from app.http.errors import problems
from app.http.headers import WITH_IMAGES
from app.http.inbound.answers import answer_response
from app.http.openapi import schema_name
from app.http.parameters import (
    CampaignIdFilter,
    Cursor,
    EmailIdFilter,
    Id,
    Limit,
    SenderIdFilter,
    TheActor,
    ThePool,
    TheSettings,
    TheUser,
)


class ResponseUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A person's changes to a response; fields left out stay. With another `kind`, what followed from the one before is
    taken back, and what follows from this one is done. `label`: an empty one takes it away. `forgotten`: it answers
    nothing that was sent from here; what it says is removed, and it is not read again.
    """

    kind: AnswerKind | None = None
    label: Annotated[str | None, LABEL] = None
    read: bool | None = None
    forgotten: bool = False


class Marks(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Notes on many responses: as in `ResponseUpdate`."""

    ids: Annotated[list[AnId], CHOSEN]
    label: Annotated[str | None, LABEL] = None
    read: bool | None = None


async def may_read(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A guard: a workspace says from which role on what came back is read. Raises Forbidden."""
    user = connection.user
    await privacy.check(connection.app.state["pool"], user.workspace_id, user.role)


@get(
    "/",
    opt={"role": VIEWER},
    summary="What came back for emails, the latest first",
    description="FOUND_IN_SENT, our own copy that settled a doubt, is listed only by its kind.",
    responses=problems(),
)
async def list_responses(
    pool: ThePool,
    user: TheUser,
    kind: Annotated[ResponseKind | None, QueryParameter(name="kind")] = None,
    campaign_id: CampaignIdFilter = None,
    sender_id: SenderIdFilter = None,
    email_id: EmailIdFilter = None,
    label: Annotated[str | None, QueryParameter(name="label")] = None,
    unread: Annotated[bool | None, QueryParameter(name="unread")] = None,
    q: Annotated[
        str | None, QueryParameter(name="q", description="A part of an address, a name, the subject or the text.")
    ] = None,
    address: Annotated[
        str | None, QueryParameter(name="address", description="To whose emails, or from whom it is.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Annotated[Page[ResponseSummary], schema_name("ResponsePage")]:
    wanted = ResponseFilter(
        kind=kind,
        campaign_id=campaign_id,
        sender_id=sender_id,
        email_id=email_id,
        label=label,
        unread=unread,
        q=q,
        address=address,
    )
    return await responses.page(pool, user.workspace_id, wanted, PageRequest(limit, cursor))


@get("/unread", opt={"role": VIEWER}, summary="How many nobody has read yet, of each kind", responses=problems())
async def count_unread(pool: ThePool, user: TheUser) -> dict[ResponseKind, int]:
    return await responses.unread(pool, user.workspace_id)


@get("/labels", opt={"role": VIEWER}, summary="The labels in use, those that most have first", responses=problems())
async def list_labels(pool: ThePool, user: TheUser) -> list[LabelCount]:
    return await responses.labels(pool, user.workspace_id)


@patch("/", opt={"role": MEMBER}, summary="Label many, or mark them as read", responses=problems())
async def mark_responses(pool: ThePool, user: TheUser, data: JSONBody[Marks]) -> Marked:
    return await responses.mark(pool, user.workspace_id, data.ids, data.label, data.read)


@get("/{id:int}", opt={"role": VIEWER}, summary="One of them, whole", responses=problems(HTTPStatus.NOT_FOUND))
async def get_response(pool: ThePool, user: TheUser, response_id: Id) -> Response:
    return await responses.get(pool, user.workspace_id, response_id)


@get(
    "/{id:int}/thread",
    opt={"role": VIEWER},
    summary="What was sent, what came back and what was answered, in order of time",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_thread(pool: ThePool, user: TheUser, settings: TheSettings, response_id: Id) -> Thread:
    return await threads.get(pool, user.workspace_id, response_id, settings.base_url)


@get(
    "/{id:int}/html",
    opt={"framed": True, "role": VIEWER},
    media_type=MediaType.HTML,
    summary="Its HTML, cleaned, fit to be shown in a frame",
    description="Pictures that lie elsewhere are loaded only with `images`: whose they are learns of it.",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def show_response(
    pool: ThePool,
    user: TheUser,
    response_id: Id,
    images: Annotated[bool, QueryParameter(name="images")] = False,
) -> Answer[str]:
    html = (await responses.get(pool, user.workspace_id, response_id)).html
    if html is None:
        raise NotFound("it has no HTML")
    return Answer(html, media_type=MediaType.HTML, headers=WITH_IMAGES if images else None)


@patch(
    "/{id:int}",
    opt={"role": MEMBER},
    summary="Label it, mark it as read, or correct what it is; null once it is forgotten",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def change_response(
    pool: ThePool, user: TheUser, actor: TheActor, response_id: Id, data: JSONBody[ResponseUpdate]
) -> Response | None:
    changes = ResponseChanges(**msgspec.structs.asdict(data))
    return await responses.change(pool, user.workspace_id, response_id, changes, actor)


router = Router(
    "/responses",
    tags=["responses"],
    guards=[may_read],
    route_handlers=[
        list_responses,
        mark_responses,
        count_unread,
        list_labels,
        get_response,
        get_thread,
        show_response,
        change_response,
        answer_response,
    ],
)
