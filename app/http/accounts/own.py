"""One's own account over HTTP: who is asking, password, sessions.

A key opens a workspace and not the person who made it, so it changes no password and sees no session of theirs.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, delete, get, post
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from app.domain.accounts import password_changes, sessions
from app.domain.accounts.passwords import LENGTH
from app.domain.accounts.sessions import Session
from app.domain.accounts.users import User
from app.http.accounts.login import TOO_MANY, PasswordSet
from app.http.auth import Access, people_only, session_cookie
from app.http.errors import problems
from app.http.parameters import Id, TheActor, ThePool, TheSettings, TheUser


class PasswordChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`revokeKeys`: all keys and open invitations that one has made, in whichever workspace, stop working, too."""

    new_password: Annotated[str, LENGTH]
    current_password: str = ""
    revoke_keys: bool = False


@post(
    "/logout",
    opt={"role": None},
    status_code=HTTPStatus.NO_CONTENT,
    summary="End this session",
    responses={HTTPStatus.NO_CONTENT: ResponseSpec(None, description="Logged out")} | problems(),
)
async def log_out(
    request: Request[User, Access, Any], pool: ThePool, settings: TheSettings, actor: TheActor
) -> Response[None]:
    if request.auth.session_id is not None:
        await sessions.end(pool, actor, request.auth.session_id, "logout")
    expired = session_cookie(settings, "", 0)
    return Response(None, status_code=HTTPStatus.NO_CONTENT, cookies=[expired])


@get("/me", opt={"role": None}, summary="Who is asking", responses=problems())
async def me(user: TheUser) -> User:
    return user


@post(
    "/password",
    status_code=HTTPStatus.OK,
    guards=[people_only],
    opt={"role": None},
    summary="Change the password; everywhere else is logged out",
    responses=problems(HTTPStatus.FORBIDDEN, TOO_MANY),
)
async def change_password(
    request: Request[User, Access, Any], pool: ThePool, actor: TheActor, data: JSONBody[PasswordChange]
) -> PasswordSet:
    revoked = await password_changes.change_password(
        pool,
        actor,
        request.user.id,
        data.current_password,
        data.new_password,
        request.auth.session_id,
        revoke_keys=data.revoke_keys,
    )
    return PasswordSet(revoked)


@get(
    "/sessions",
    guards=[people_only],
    opt={"role": None},
    summary="Where one is logged in",
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def list_sessions(request: Request[User, Access, Any], pool: ThePool) -> list[Session]:
    return await sessions.list_sessions(pool, request.user.id, request.auth.session_id)


@delete(
    "/sessions/{id:int}",
    guards=[people_only],
    opt={"role": None},
    summary="Log out one session",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def end_session(pool: ThePool, actor: TheActor, session_id: Id) -> None:
    await sessions.end(pool, actor, session_id)


own = Router("/auth", tags=["accounts"], route_handlers=[log_out, me, change_password, list_sessions, end_session])
