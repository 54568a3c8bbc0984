"""API keys over HTTP."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.params import JSONBody

from app.bounds import LABEL
from app.domain.pages import Page, PageRequest
from app.domain.workspaces import keys
from app.domain.workspaces.keys import ApiKey, Scope
from app.domain.workspaces.roles import OWNER
from app.http.accounts.login import ADMIN
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import Cursor, Id, Limit, TheActor, ThePool, TheQuotas, TheUser


class KeyBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Without `scopes` the key may do everything; without `expiresAt` it does not expire."""

    name: Annotated[str, LABEL]
    scopes: list[Scope] | None = None
    expires_at: datetime | None = None


@get(
    "/",
    summary="List API keys, newest first",
    opt={"role": OWNER, "scope": ADMIN},
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def list_keys(
    pool: ThePool, user: TheUser, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[ApiKey], schema_name("ApiKeyPage")]:
    return await keys.list_keys(pool, user.workspace_id, PageRequest(limit, cursor))


@post(
    "/",
    summary="Make an API key; it is shown this once",
    opt={"role": OWNER, "scope": ADMIN},
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT),
)
async def create_key(
    pool: ThePool, user: TheUser, actor: TheActor, quotas: TheQuotas, data: JSONBody[KeyBody]
) -> ApiKey:
    return await keys.create(pool, actor, user.workspace_id, data.name, data.scopes, data.expires_at, quotas)


@delete(
    "/{id:int}",
    summary="Revoke an API key",
    opt={"role": OWNER, "scope": ADMIN},
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def revoke_key(pool: ThePool, user: TheUser, actor: TheActor, key_id: Id) -> None:
    await keys.revoke(pool, actor, user.workspace_id, key_id)


key_router = Router("/keys", tags=["accounts"], route_handlers=[list_keys, create_key, revoke_key])
