"""What came back, over HTTP: replies, bounces, complaints and opt-outs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Router, get, patch
from litestar.params import JSONBody, QueryParameter

from app.domain.inbound import responses
from app.domain.inbound.record import ResponseKind
from app.domain.inbound.responses import (
    LABEL,
    AnswerKind,
    Response,
    ResponseChanges,
    ResponseFilter,
    ResponseSummary,
)
from app.domain.pages import Page, PageRequest
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.http.errors import problems
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
    TheUser,
)


class ResponseUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a person says of it; what is left out stays. With another `kind`, what followed from the one before is taken
    back, and what follows from this one is done. `label`: an empty one takes it away. `forgotten`: it answers nothing
    that was sent from here; what it says is removed, and it is not read again.
    """

    kind: AnswerKind | None = None
    label: Annotated[str | None, LABEL] = None
    read: bool | None = None
    forgotten: bool = False


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
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Annotated[Page[ResponseSummary], schema_name("ResponsePage")]:
    wanted = ResponseFilter(
        kind=kind, campaign_id=campaign_id, sender_id=sender_id, email_id=email_id, label=label, unread=unread, q=q
    )
    return await responses.page(pool, user.workspace_id, wanted, PageRequest(limit, cursor))


@get("/unread", opt={"role": VIEWER}, summary="How many nobody has read yet, of each kind", responses=problems())
async def count_unread(pool: ThePool, user: TheUser) -> dict[ResponseKind, int]:
    return await responses.unread(pool, user.workspace_id)


@get("/{id:int}", opt={"role": VIEWER}, summary="One of them, whole", responses=problems(HTTPStatus.NOT_FOUND))
async def get_response(pool: ThePool, user: TheUser, response_id: Id) -> Response:
    return await responses.get(pool, user.workspace_id, response_id)


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
    "/responses", tags=["responses"], route_handlers=[list_responses, count_unread, get_response, change_response]
)
