"""Webhooks over HTTP. They carry recipients' addresses out of the house: changing them takes the scope `admin`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody, PathParameter

from app.bounds import REMARK
from app.domain.operations.host_policy import HostPolicy
from app.domain.pages import Page, PageRequest
from app.domain.webhooks import webhooks
from app.domain.webhooks.webhooks import URL, Delivery, EventType, Webhook, WebhookChanges
from app.domain.workspaces.keys import Scope
from app.domain.workspaces.roles import OWNER
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import MAX_ID, Cursor, Id, Limit, TheActor, TheBox, ThePool, TheSettings, TheUser

ADMIN: Scope = "admin"
DeliveryId = Annotated[int, PathParameter(name="deliveryId", ge=1, le=MAX_ID)]


class WebhookBody(msgspec.Struct, forbid_unknown_fields=True):
    """`url` is https; where private addresses are allowed, http too."""

    url: Annotated[str, URL]
    events: list[EventType]
    description: Annotated[str, REMARK] = ""


class WebhookPatch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The changes to make; fields left out stay as they are. `enabled` true also ends a pause after failures."""

    url: Annotated[str | msgspec.UnsetType, URL] = msgspec.UNSET
    events: list[EventType] | msgspec.UnsetType = msgspec.UNSET
    description: Annotated[str | msgspec.UnsetType, REMARK] = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET


@get("/", opt={"role": OWNER}, summary="List webhooks, oldest first", responses=problems())
async def list_webhooks(
    pool: ThePool, user: TheUser, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Webhook], schema_name("WebhookPage")]:
    return await webhooks.list_webhooks(pool, user.workspace_id, PageRequest(limit, cursor))


@post(
    "/",
    opt={"role": OWNER, "scope": ADMIN},
    summary="Add a webhook; its secret is shown this once",
    response_description="Added",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT),
)
async def create_webhook(
    pool: ThePool,
    box: TheBox,
    user: TheUser,
    settings: TheSettings,
    actor: TheActor,
    data: JSONBody[WebhookBody],
) -> Webhook:
    policy = HostPolicy.of(settings)
    return await webhooks.create(
        pool, box, user.workspace_id, data.url, data.events, data.description, policy=policy, actor=actor
    )


@get(
    "/{id:int}",
    opt={"role": OWNER},
    summary="A webhook, and what troubles it",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_webhook(pool: ThePool, user: TheUser, webhook_id: Id) -> Webhook:
    return await webhooks.get_webhook(pool, user.workspace_id, webhook_id)


@patch(
    "/{id:int}",
    opt={"role": OWNER, "scope": ADMIN},
    summary="Change a webhook, enable or disable it",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def change_webhook(
    pool: ThePool,
    user: TheUser,
    settings: TheSettings,
    actor: TheActor,
    webhook_id: Id,
    data: JSONBody[WebhookPatch],
) -> Webhook:
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    policy = HostPolicy.of(settings)
    return await webhooks.change(
        pool, user.workspace_id, webhook_id, WebhookChanges(**given), policy=policy, actor=actor
    )


@delete(
    "/{id:int}",
    opt={"role": OWNER, "scope": ADMIN},
    summary="Remove a webhook and its log",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def delete_webhook(pool: ThePool, user: TheUser, actor: TheActor, webhook_id: Id) -> None:
    await webhooks.delete(pool, user.workspace_id, webhook_id, actor=actor)


@post(
    "/{id:int}/rotate-secret",
    status_code=HTTPStatus.OK,
    opt={"role": OWNER, "scope": ADMIN},
    summary="Make a new secret; it is shown this once",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def rotate_webhook_secret(pool: ThePool, box: TheBox, user: TheUser, actor: TheActor, webhook_id: Id) -> Webhook:
    return await webhooks.rotate_secret(pool, box, user.workspace_id, webhook_id, actor=actor)


@post(
    "/{id:int}/test",
    status_code=HTTPStatus.ACCEPTED,
    opt={"role": OWNER, "scope": ADMIN},
    summary="Send an event `webhook.test`; the log tells what came of it",
    response_description="Will be sent",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def test_webhook(pool: ThePool, user: TheUser, webhook_id: Id) -> Delivery:
    return await webhooks.test(pool, user.workspace_id, webhook_id)


@get(
    "/{id:int}/deliveries",
    opt={"role": OWNER},
    summary="What a webhook was told, newest first",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def list_deliveries(
    pool: ThePool, user: TheUser, webhook_id: Id, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Delivery], schema_name("DeliveryPage")]:
    return await webhooks.list_deliveries(pool, user.workspace_id, webhook_id, PageRequest(limit, cursor))


@post(
    "/{id:int}/deliveries/{deliveryId:int}/replay",
    status_code=HTTPStatus.ACCEPTED,
    opt={"role": OWNER, "scope": ADMIN},
    summary="Send an event once more",
    response_description="Will be sent",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def replay_delivery(
    pool: ThePool, user: TheUser, actor: TheActor, webhook_id: Id, delivery_id: DeliveryId
) -> Delivery:
    return await webhooks.replay(pool, user.workspace_id, webhook_id, delivery_id, actor=actor)


router = Router(
    "/webhooks",
    tags=["webhooks"],
    route_handlers=[
        list_webhooks,
        create_webhook,
        get_webhook,
        change_webhook,
        delete_webhook,
        rotate_webhook_secret,
        test_webhook,
        list_deliveries,
        replay_delivery,
    ],
)
