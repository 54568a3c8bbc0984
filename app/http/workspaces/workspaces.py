"""Workspaces over HTTP: mine, a new one, the one that this session is about."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, delete, get, patch, post
from litestar.params import JSONBody
from msgspec import UNSET, UnsetType

from app.domain.accounts import sessions
from app.domain.accounts.users import User
from app.domain.workspaces import workspaces
from app.domain.workspaces.postal_addresses import POSTAL_ADDRESS
from app.domain.workspaces.roles import OWNER, Role
from app.domain.workspaces.workspaces import BOUNCE_LIMIT, NAME, Changes, Workspace
from app.http.accounts.login import ADMIN
from app.http.auth import Access, people_only
from app.http.errors import problems
from app.http.parameters import Id, TheActor, ThePool, TheTerms, TheUser


class WorkspaceBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, NAME]


class WorkspacePatch(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The changes to make; fields left out stay. `bounceLimit`, in percent: null for no limit. `postalAddress`, in
    lines: null for none. `responsesFor`: the least role that reads and answers what came back.
    """

    name: Annotated[str | UnsetType, NAME] = UNSET
    bounce_limit: Annotated[int | UnsetType | None, BOUNCE_LIMIT] = UNSET
    postal_address: Annotated[str | UnsetType | None, POSTAL_ADDRESS] = UNSET
    responses_for: Role | UnsetType = UNSET


@get(
    "/",
    opt={"role": None},
    summary="The workspaces that one is a member of; of a key, its own",
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def list_workspaces(request: Request[User, Access, Any], pool: ThePool) -> list[Workspace]:
    user = request.user
    only = user.workspace_id if request.auth.session_id is None else None
    return await workspaces.list_of(pool, user.id, user.workspace_id, only=only)


@post(
    "/",
    guards=[people_only],
    opt={"role": None},
    summary="Make a workspace, which one owns; it has a default sender",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT),
)
async def create_workspace(
    pool: ThePool, terms: TheTerms, user: TheUser, actor: TheActor, data: JSONBody[WorkspaceBody]
) -> Workspace:
    limit = terms.default_hourly_limit
    return await workspaces.create(pool, terms.box, actor, user.email, data.name, default_hourly_limit=limit)


@post(
    "/{id:int}/select",
    status_code=HTTPStatus.OK,
    guards=[people_only],
    opt={"role": None},
    summary="Have this session be about a workspace from now on",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def select_workspace(request: Request[User, Access, Any], pool: ThePool, workspace_id: Id) -> User:
    assert request.auth.session_id is not None  # noqa: S101 -- people only
    return await sessions.select_workspace(pool, request.user, request.auth.session_id, workspace_id)


@patch(
    "/{id:int}",
    opt={"role": OWNER, "workspace": "id", "scope": ADMIN},
    summary="Rename a workspace, or change what pauses its campaigns and what its messages end with",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def change_workspace(
    pool: ThePool, user: TheUser, actor: TheActor, workspace_id: Id, data: JSONBody[WorkspacePatch]
) -> Workspace:
    await workspaces.change(pool, actor, workspace_id, Changes(**msgspec.structs.asdict(data)))
    (changed,) = await workspaces.list_of(pool, user.id, user.workspace_id, only=workspace_id)
    return changed


@delete(
    "/{id:int}",
    guards=[people_only],
    opt={"role": OWNER, "workspace": "id"},
    summary="Delete a workspace and all that is in it, for good",
    description="Everybody is out of it at once; its rows go within the hour. Campaigns have to be over, and "
    "one's last workspace stays.",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_workspace(pool: ThePool, terms: TheTerms, actor: TheActor, workspace_id: Id) -> None:
    limit = terms.default_hourly_limit
    await workspaces.delete(pool, terms.box, actor, workspace_id, default_hourly_limit=limit)


router = Router(
    "/workspaces",
    tags=["workspaces"],
    route_handlers=[list_workspaces, create_workspace, select_workspace, change_workspace, delete_workspace],
)
