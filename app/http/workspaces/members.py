"""Members of the selected workspace over HTTP, and invitations into it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Router, delete, get, patch, post
from litestar.params import JSONBody

from app.domain.accounts import sessions
from app.domain.accounts.users import User
from app.domain.workspaces import invitations, members
from app.domain.workspaces.invitations import Offer, WorkspaceInvitation
from app.domain.workspaces.members import Member
from app.domain.workspaces.roles import OWNER, VIEWER, Role
from app.http.accounts.login import ADMIN, TOO_MANY
from app.http.auth import Access, own_pages_only, people_only
from app.http.bodies import PUBLIC
from app.http.errors import problems
from app.http.parameters import Id, TheActor, ThePool, TheTerms, TheUser


class MemberPatch(msgspec.Struct, forbid_unknown_fields=True):
    """The member's role from their next request on."""

    role: Role


class WorkspaceInvitationBody(msgspec.Struct, forbid_unknown_fields=True):
    """Without `email` the invitation is for whoever has the link."""

    role: Role
    email: str | None = None


class InvitationToken(msgspec.Struct, forbid_unknown_fields=True):
    """`token` is that of the invitation's link."""

    token: str


@get("/", opt={"role": VIEWER}, summary="Who is a member, and what they may do", responses=problems())
async def list_members(pool: ThePool, user: TheUser) -> list[Member]:
    return await members.list_members(pool, user.workspace_id)


@patch(
    "/{id:int}",
    opt={"role": OWNER, "scope": ADMIN},
    summary="Change what a member may do",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def change_member(
    pool: ThePool, user: TheUser, actor: TheActor, member_id: Id, data: JSONBody[MemberPatch]
) -> Member:
    return await members.change_role(pool, actor, user.workspace_id, member_id, data.role)


@delete(
    "/{id:int}",
    opt={"role": OWNER, "unless_oneself": True, "scope": ADMIN},
    summary="Remove a member; oneself: leave",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def remove_member(pool: ThePool, terms: TheTerms, user: TheUser, actor: TheActor, member_id: Id) -> None:
    limit = terms.default_hourly_limit
    await members.remove(pool, terms.box, actor, user.workspace_id, member_id, default_hourly_limit=limit)


@get(
    "/invitations",
    opt={"role": OWNER, "scope": ADMIN},
    summary="List invitations into the workspace, newest first",
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def list_workspace_invitations(pool: ThePool, user: TheUser) -> list[WorkspaceInvitation]:
    return await invitations.list_invitations(pool, user.workspace_id)


@post(
    "/invitations",
    opt={"role": OWNER, "scope": ADMIN},
    summary="Invite somebody into the workspace; the token is shown this once",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT),
)
async def invite_member(
    pool: ThePool, user: TheUser, actor: TheActor, data: JSONBody[WorkspaceInvitationBody]
) -> WorkspaceInvitation:
    return await invitations.invite(pool, actor, user.workspace_id, data.role, data.email)


@delete(
    "/invitations/{id:int}",
    opt={"role": OWNER, "scope": ADMIN},
    summary="Take an invitation into the workspace back",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def revoke_workspace_invitation(pool: ThePool, user: TheUser, actor: TheActor, invitation_id: Id) -> None:
    await invitations.revoke(pool, actor, user.workspace_id, invitation_id)


@post(
    "/invitations/accept",
    status_code=HTTPStatus.OK,
    guards=[people_only],
    opt={"role": None},
    summary="Join the workspace that an invitation leads into; the session is about it from now on",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT),
)
async def accept_invitation(
    request: Request[User, Access, Any], pool: ThePool, actor: TheActor, data: JSONBody[InvitationToken]
) -> User:
    assert request.auth.session_id is not None  # noqa: S101 -- people only
    workspace_id = await invitations.accept(pool, actor, request.user.email, data.token)
    return await sessions.select_workspace(pool, request.user, request.auth.session_id, workspace_id)


@post(
    "/",
    status_code=HTTPStatus.OK,
    summary="Which workspace an invitation leads into and as what; for whoever has its link, logged in or not",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, TOO_MANY),
)
async def look_up_invitation(pool: ThePool, actor: TheActor, data: JSONBody[InvitationToken]) -> Offer:
    return await invitations.look_up(pool, actor, data.token)


# With the token in the body: what is in an address stands in logs.
public = Router(
    "/api/auth/invitation",
    tags=["workspaces"],
    guards=[own_pages_only],
    security=[{}],
    request_max_body_size=PUBLIC,
    route_handlers=[look_up_invitation],
)

router = Router(
    "/members",
    tags=["workspaces"],
    route_handlers=[
        list_members,
        change_member,
        remove_member,
        list_workspace_invitations,
        invite_member,
        revoke_workspace_invitation,
        accept_invitation,
    ],
)
