"""Getting in over HTTP: register, log in, a forgotten password.

`public` has the calls for people who are not logged in; it refuses pages of other sites, so that none can log a person
in to an account of its own.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.params import JSONBody

from app.domain.accounts import login, password_changes, registration
from app.domain.accounts.passwords import LENGTH
from app.domain.accounts.users import User
from app.domain.senders.logins import DEFAULT_MAX_CONNECTIONS
from app.domain.workspaces.keys import Scope
from app.http.auth import is_https, own_pages_only, session_cookie
from app.http.bodies import PUBLIC
from app.http.errors import problems
from app.http.parameters import TheActor, ThePool, TheSettings, TheTerms
from app.mail.footer import Unsubscribe
from app.secrets import secret_keys
from app.settings import Settings

ADMIN: Scope = "admin"
BROWSER_S = 365 * 24 * 3600  # how long a browser is known again
TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    email: str
    password: str


class RegistrationBody(msgspec.Struct, forbid_unknown_fields=True):
    """`invitation` is the token of an invitation's link, to the installation or into a workspace."""

    email: str
    password: Annotated[str, LENGTH]
    invitation: str | None = None


class ResetRequest(msgspec.Struct, forbid_unknown_fields=True):
    email: str


class Reset(msgspec.Struct, forbid_unknown_fields=True):
    """`token` is that of the link in the mail."""

    token: str
    password: Annotated[str, LENGTH]


class PasswordSet(msgspec.Struct, rename="camel"):
    """`keysRevoked`: how many API keys stopped working with the password from before."""

    keys_revoked: int


class Ways(msgspec.Struct, rename="camel"):
    """How one gets in here. `first_run`: the next to register becomes the administrator. `sandbox`: mail without a
    server of its own goes to the sandbox mailbox, whose inbox is at /api/sandbox. `base_url`: where the dashboard is.
    `one_click`: mail programs reach the page to unsubscribe there; `unsubscribe`: what campaigns to several have unless
    they say otherwise. `default_…`: what senders get that say nothing else.
    """

    registration: bool
    google: bool
    first_run: bool
    sandbox: bool
    base_url: str
    one_click: bool
    unsubscribe: Unsubscribe
    default_hourly_limit: int
    default_connections: int


def _logged_in(settings: Settings, user: User, token: str, status: HTTPStatus = HTTPStatus.OK) -> Response[User]:
    name = login.name_browser(login.browser_signer(*secret_keys(settings)), user.id)
    cookies = [session_cookie(settings, token), _browser_cookie(settings, name)]
    return Response(user, status_code=status, cookies=cookies)


def _browser_cookie(settings: Settings, name: str) -> Cookie:
    """Knows the browser again from which somebody logged in."""
    return Cookie(
        key=_browser_cookie_name(settings),
        value=name,
        max_age=BROWSER_S,
        secure=is_https(settings),
        httponly=True,
        samesite="lax",
    )


def _browser_cookie_name(settings: Settings) -> str:
    return "__Host-reachinbox-browser" if is_https(settings) else "reachinbox-browser"


@get("/ways", summary="How one gets in: registration, Google, first run", responses=problems())
async def ways(pool: ThePool, settings: TheSettings) -> Ways:
    first_run = await registration.admin_is_missing(pool)
    is_open = settings.allow_registration or first_run
    return Ways(
        registration=is_open,
        google=settings.google_client_id is not None,
        first_run=first_run,
        sandbox=settings.sandboxed,
        base_url=settings.base_url,
        one_click=settings.one_click,
        unsubscribe="none" if settings.is_local else "link",
        default_hourly_limit=settings.default_emails_per_hour,
        default_connections=DEFAULT_MAX_CONNECTIONS,
    )


@post(
    "/register",
    summary="Make an account and log in",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, TOO_MANY),
)
async def register(
    pool: ThePool, settings: TheSettings, terms: TheTerms, actor: TheActor, data: JSONBody[RegistrationBody]
) -> Response[User]:
    user, token = await registration.register(pool, terms, actor, data.email, data.password, data.invitation)
    return _logged_in(settings, user, token, HTTPStatus.CREATED)


@post(
    "/login",
    status_code=HTTPStatus.OK,
    summary="Log in",
    responses=problems(HTTPStatus.FORBIDDEN, TOO_MANY),
)
async def log_in(
    request: Request[Any, Any, Any], pool: ThePool, settings: TheSettings, actor: TheActor, data: JSONBody[Credentials]
) -> Response[User]:
    signer = login.browser_signer(*secret_keys(settings))
    browser = request.cookies.get(_browser_cookie_name(settings))
    user, token = await login.log_in(pool, actor, data.email, data.password, signer, browser)
    return _logged_in(settings, user, token)


@post(
    "/reset",
    status_code=HTTPStatus.ACCEPTED,
    summary="Ask for a link to a new password, by mail",
    responses=problems(HTTPStatus.FORBIDDEN, TOO_MANY),
)
async def ask_for_reset(pool: ThePool, actor: TheActor, data: JSONBody[ResetRequest]) -> None:
    await password_changes.ask_for_reset(pool, actor, data.email)


@post(
    "/reset/confirm",
    status_code=HTTPStatus.OK,
    summary="Set a new password with the link's token",
    description="Everywhere is logged out, and no API key that the account has made works any more.",
    responses=problems(HTTPStatus.FORBIDDEN, TOO_MANY),
)
async def reset_password(
    pool: ThePool, settings: TheSettings, terms: TheTerms, actor: TheActor, data: JSONBody[Reset]
) -> PasswordSet:
    signer = password_changes.reset_signer(*secret_keys(settings))
    return PasswordSet(await password_changes.reset_password(pool, signer, terms, actor, data.token, data.password))


public = Router(
    "/api/auth",
    tags=["accounts"],
    guards=[own_pages_only],
    security=[{}],
    request_max_body_size=PUBLIC,
    route_handlers=[ways, register, log_in, ask_for_reset, reset_password],
)
