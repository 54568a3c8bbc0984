"""What the installation's administrator does over HTTP: accounts and invitations to make one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.params import JSONBody

from app.domain.accounts import registration, users
from app.domain.accounts.registration import Invitation
from app.domain.accounts.users import Account
from app.domain.pages import Page, PageRequest
from app.http.accounts.login import ADMIN
from app.http.auth import require_admin
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import Cursor, Id, Limit, TheActor, ThePool


class InvitationBody(msgspec.Struct, forbid_unknown_fields=True):
    """Without `email` the invitation is for whoever has the link."""

    email: str | None = None


@get("/users", opt={"role": None}, summary="List accounts", responses=problems(HTTPStatus.FORBIDDEN))
async def list_users(
    pool: ThePool, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Account], schema_name("AccountPage")]:
    return await users.list_accounts(pool, PageRequest(limit, cursor))


@get(
    "/invitations",
    opt={"role": None},
    summary="List invitations, newest first",
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def list_invitations(
    pool: ThePool, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Invitation], schema_name("InvitationPage")]:
    return await registration.list_invitations(pool, PageRequest(limit, cursor))


@post(
    "/invitations",
    opt={"role": None},
    summary="Invite somebody; the token is shown this once",
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def invite(pool: ThePool, actor: TheActor, data: JSONBody[InvitationBody]) -> Invitation:
    return await registration.invite(pool, actor, data.email)


@delete(
    "/invitations/{id:int}",
    opt={"role": None},
    summary="Take an invitation back",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def revoke_invitation(pool: ThePool, actor: TheActor, invitation_id: Id) -> None:
    await registration.revoke_invitation(pool, actor, invitation_id)


admin = Router(
    "/admin",
    tags=["administration"],
    guards=[require_admin],
    opt={"scope": ADMIN},
    route_handlers=[list_users, list_invitations, invite, revoke_invitation],
)
