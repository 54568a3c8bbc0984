"""Accounts over HTTP: register, log in and out, passwords, sessions, API keys, invitations, the audit log.

What somebody not logged in may call is in `public`; it refuses pages of other sites, so that none can log a visitor in
to an account of its own.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, delete, get, post
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from app.domain import accounts, audit, keys, sessions
from app.domain.accounts import Account, Invitation
from app.domain.audit import Entry
from app.domain.keys import ApiKey, Scope
from app.domain.pages import Page, PageRequest
from app.domain.sessions import Session
from app.domain.users import User
from app.http.auth import Access, own_pages_only, require_admin, session_cookie
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import Cursor, Id, Limit, ThePool, TheSettings, TheTerms, TheUser, TheVisitor
from app.secrets import secret_keys
from app.settings import Settings

ADMIN: Scope = "admin"
TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    email: str
    password: str


class RegistrationBody(msgspec.Struct, forbid_unknown_fields=True):
    """`invitation` is the token of an invitation's link."""

    email: str
    password: str
    invitation: str | None = None


class PasswordChange(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    new_password: str
    current_password: str = ""


class ResetRequest(msgspec.Struct, forbid_unknown_fields=True):
    email: str


class Reset(msgspec.Struct, forbid_unknown_fields=True):
    """`token` is that of the link in the mail."""

    token: str
    password: str


class KeyBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Without `scopes` the key may do everything; without `expiresAt` it does not expire."""

    name: str
    scopes: list[Scope] | None = None
    expires_at: datetime | None = None


class InvitationBody(msgspec.Struct, forbid_unknown_fields=True):
    """Without `email` the invitation is for whoever has the link."""

    email: str | None = None


class Ways(msgspec.Struct, rename="camel"):
    """How one gets in here. `first_run`: the next to register becomes the administrator. `sandbox`: mail without a
    server of its own goes to the sandbox mailbox, whose inbox is at /api/sandbox.
    """

    registration: bool
    google: bool
    first_run: bool
    sandbox: bool


def _logged_in(settings: Settings, user: User, token: str, status: HTTPStatus = HTTPStatus.OK) -> Response[User]:
    return Response(user, status_code=status, cookies=[session_cookie(settings, token)])


@get("/ways", summary="How one gets in: registration, Google, first run", responses=problems())
async def ways(pool: ThePool, settings: TheSettings) -> Ways:
    first_run = await accounts.admin_is_missing(pool)
    registration = settings.allow_registration or first_run
    return Ways(registration, settings.google_client_id is not None, first_run, settings.sandboxed)


@post(
    "/register",
    summary="Make an account and log in",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT),
)
async def register(
    pool: ThePool, settings: TheSettings, terms: TheTerms, visitor: TheVisitor, data: JSONBody[RegistrationBody]
) -> Response[User]:
    user, token = await accounts.register(pool, terms, visitor, data.email, data.password, data.invitation)
    return _logged_in(settings, user, token, HTTPStatus.CREATED)


@post(
    "/login",
    status_code=HTTPStatus.OK,
    summary="Log in",
    responses=problems(HTTPStatus.FORBIDDEN, TOO_MANY),
)
async def log_in(
    pool: ThePool, settings: TheSettings, visitor: TheVisitor, data: JSONBody[Credentials]
) -> Response[User]:
    user, token = await accounts.log_in(pool, visitor, data.email, data.password)
    return _logged_in(settings, user, token)


@post(
    "/reset",
    status_code=HTTPStatus.ACCEPTED,
    summary="Ask for a link to a new password, by mail",
    responses=problems(HTTPStatus.FORBIDDEN, TOO_MANY),
)
async def ask_for_reset(pool: ThePool, visitor: TheVisitor, data: JSONBody[ResetRequest]) -> None:
    await accounts.ask_for_reset(pool, visitor, data.email)


@post(
    "/reset/confirm",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Set a new password with the link's token",
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def reset_password(pool: ThePool, settings: TheSettings, visitor: TheVisitor, data: JSONBody[Reset]) -> None:
    signer = accounts.reset_signer(*secret_keys(settings))
    await accounts.reset_password(pool, signer, visitor, data.token, data.password)


public = Router(
    "/api/auth",
    tags=["accounts"],
    guards=[own_pages_only],
    security=[{}],
    route_handlers=[ways, register, log_in, ask_for_reset, reset_password],
)


@post(
    "/logout",
    status_code=HTTPStatus.NO_CONTENT,
    summary="End this session",
    responses={HTTPStatus.NO_CONTENT: ResponseSpec(None, description="Logged out")} | problems(),
)
async def log_out(request: Request[User, Access, Any], pool: ThePool, settings: TheSettings) -> Response[None]:
    if request.auth.session_id is not None:
        await sessions.end(pool, request.user.id, request.auth.session_id)
    expired = session_cookie(settings, "", 0)
    return Response(None, status_code=HTTPStatus.NO_CONTENT, cookies=[expired])


@get("/me", summary="Who is asking", responses=problems())
async def me(user: TheUser) -> User:
    return user


@post(
    "/password",
    status_code=HTTPStatus.NO_CONTENT,
    opt={"scope": ADMIN},
    summary="Change the password; everywhere else is logged out",
    responses=problems(HTTPStatus.FORBIDDEN, TOO_MANY),
)
async def change_password(
    request: Request[User, Access, Any], pool: ThePool, visitor: TheVisitor, data: JSONBody[PasswordChange]
) -> None:
    await accounts.change_password(
        pool, visitor, request.user.id, data.current_password, data.new_password, request.auth.session_id
    )


@get("/sessions", summary="Where one is logged in", opt={"scope": ADMIN}, responses=problems(HTTPStatus.FORBIDDEN))
async def list_sessions(request: Request[User, Access, Any], pool: ThePool) -> list[Session]:
    return await sessions.list_sessions(pool, request.user.id, request.auth.session_id)


@delete(
    "/sessions/{id:int}",
    summary="Log out one session",
    opt={"scope": ADMIN},
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def end_session(pool: ThePool, user: TheUser, session_id: Id) -> None:
    await sessions.end(pool, user.id, session_id)


own = Router("/auth", tags=["accounts"], route_handlers=[log_out, me, change_password, list_sessions, end_session])


@get("/", summary="List API keys, newest first", opt={"scope": ADMIN}, responses=problems(HTTPStatus.FORBIDDEN))
async def list_keys(
    pool: ThePool, user: TheUser, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[ApiKey], schema_name("ApiKeyPage")]:
    return await keys.list_keys(pool, user.id, PageRequest(limit, cursor))


@post(
    "/",
    summary="Make an API key; it is shown this once",
    opt={"scope": ADMIN},
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def create_key(pool: ThePool, user: TheUser, visitor: TheVisitor, data: JSONBody[KeyBody]) -> ApiKey:
    return await keys.create(pool, visitor, user.id, data.name, data.scopes, data.expires_at)


@delete(
    "/{id:int}",
    summary="Revoke an API key",
    opt={"scope": ADMIN},
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def revoke_key(pool: ThePool, user: TheUser, visitor: TheVisitor, key_id: Id) -> None:
    await keys.revoke(pool, visitor, user.id, key_id)


key_router = Router("/keys", tags=["accounts"], route_handlers=[list_keys, create_key, revoke_key])


@get("/users", summary="List accounts", responses=problems(HTTPStatus.FORBIDDEN))
async def list_users(
    pool: ThePool, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Account], schema_name("AccountPage")]:
    return await accounts.list_accounts(pool, PageRequest(limit, cursor))


@get("/invitations", summary="List invitations, newest first", responses=problems(HTTPStatus.FORBIDDEN))
async def list_invitations(pool: ThePool) -> list[Invitation]:
    return await accounts.list_invitations(pool)


@post("/invitations", summary="Invite somebody; the token is shown this once", responses=problems(HTTPStatus.FORBIDDEN))
async def invite(pool: ThePool, user: TheUser, visitor: TheVisitor, data: JSONBody[InvitationBody]) -> Invitation:
    return await accounts.invite(pool, visitor, user.id, data.email)


@delete(
    "/invitations/{id:int}",
    summary="Take an invitation back",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def revoke_invitation(pool: ThePool, user: TheUser, visitor: TheVisitor, invitation_id: Id) -> None:
    await accounts.revoke_invitation(pool, visitor, user.id, invitation_id)


admin = Router(
    "/admin",
    tags=["administration"],
    guards=[require_admin],
    opt={"scope": ADMIN},
    route_handlers=[list_users, list_invitations, invite, revoke_invitation],
)


@get("/audit", tags=["accounts"], summary="What one did, newest first", responses=problems())
async def list_audit(
    pool: ThePool, user: TheUser, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Entry], schema_name("AuditPage")]:
    return await audit.list_entries(pool, user.id, PageRequest(limit, cursor))
