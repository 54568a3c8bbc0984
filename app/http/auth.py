"""Authentication of a call: a program by its API key (RFC 6750), a person by the cookie of a session.

A call's needs stand at its handler: `opt={"role": …}`, what one has to be in the workspace, and `"scope"`, what a key
has to allow. A cookie is sent by browsers on their own, so a request that writes and comes with one must come from our
own pages: the browser says so in Sec-Fetch-Site, older ones in Origin.

All tabs of a browser share one cookie, and may show different people. So our pages say in each request whose they are,
and a request as somebody else than the cookie's is refused.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from app.domain.accounts import sessions
from app.domain.accounts.actor import Actor
from app.domain.accounts.users import User
from app.domain.workspaces import keys, members
from app.domain.workspaces.keys import SCOPES, Scope
from app.domain.workspaces.roles import Role, covers
from app.errors import AnotherAccount, Forbidden, NotFound, Unauthenticated
from app.settings import LOOPBACK, Settings, origin_of

Connection = ASGIConnection[Any, Any, Any, Any]

# The user whose page asks. Addresses for the browser (links, frames, the stream of events) have no headers.
ACTING_AS, ACTING_AS_PARAMETER = "reachinbox-acting-as", "actingAs"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1


class Access(NamedTuple):
    """The scopes of a request, and the session it came by, if it came by one."""

    scopes: frozenset[Scope]
    session_id: int | None


class Authentication(AbstractAuthenticationMiddleware):
    """Lets nobody unknown pass; the first way in that the request tries decides. A request with a body then waits until
    there is room for it.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, exclude_http_methods=[])  # not even to ask for OPTIONS: guards want to know who asks

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        """Raises Unauthenticated, Forbidden."""
        user, access = await authenticate(connection)
        return AuthenticationResult(user=user, auth=access)


async def authenticate(connection: Connection) -> tuple[User, Access]:
    """The user who asks, and their access, as of now. Raises Unauthenticated, Forbidden."""
    user, access = await _find(connection)
    if access.session_id is not None:
        if _method(connection) not in SAFE_METHODS:
            require_own_page(connection)
        require_same_account(connection, user)
    return user, access


async def _find(connection: Connection) -> tuple[User, Access]:
    """The user of the key or session, and their access. Raises Unauthenticated, Forbidden."""
    pool = connection.app.state["pool"]
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        holder = await keys.find_holder(pool, key.strip())
        return holder.user, Access(holder.scopes, None)
    token = connection.cookies.get(cookie_name(connection.app.state["settings"]))
    if token is None:
        raise Unauthenticated("who are you? Send an API key as `Authorization: Bearer <key>`, or log in")
    logged_in = await sessions.find(pool, token)
    return logged_in.user, Access(frozenset(SCOPES), logged_in.session_id)


async def require_still_let_in(connection: Connection) -> None:
    """Check that the request may still pass: a body, or a turn, may take an hour to come. In its session another
    workspace may have been selected meanwhile, which changes nothing here. Raises Unauthenticated, Forbidden, NotFound.
    """
    if "user" not in connection.scope:
        return  # anybody may do it
    await _find(connection)
    role = await members.role_in(connection.app.state["pool"], connection.user.workspace_id, connection.user.id)
    if not covers(role, connection.user.role):
        raise Forbidden("your role in the workspace has changed meanwhile; send it again")


def require_own_page(connection: Connection) -> None:
    """Raises Forbidden for a request that a page of another site had a browser send.

    A request that comes from no browser has neither header, and no cookie that somebody else could make use of. A page
    is ours at BASE_URL, whatever Host a proxy passes on, and at the Host that the browser has named.
    """
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if site in {"same-origin", "none"} or (site is None and origin is None):
        return
    page = origin_of(origin or "")
    settings: Settings = connection.app.state["settings"]
    if site is None and page is not None:
        host = connection.headers.get("host", "")
        if page in (origin_of(settings.base_url), origin_of(f"{page[0]}://{host}")):
            return
    hint = "" if page is None else f"; if it is this service's own, set BASE_URL to {origin}"
    raise Forbidden(f"this request comes from a page of another site{hint}")


def require_keepable_cookie(connection: Connection) -> None:
    """Raises Forbidden for a page that was opened over http where a login's cookie is for https alone: the browser
    would drop it, and ask to log in again and again.
    """
    settings: Settings = connection.app.state["settings"]
    page = origin_of(connection.headers.get("origin", ""))
    if page is not None and page[0] == "http" and page[1] not in LOOPBACK and is_https(settings):
        raise Forbidden(f"this page was opened over http, where nobody can log in; open {settings.base_url} instead")


def require_same_account(connection: Connection, user: User) -> None:
    """Raises AnotherAccount for a page that was made for somebody else, or for another workspace of this user."""
    named = connection.headers.get(ACTING_AS) or connection.query_params.get(ACTING_AS_PARAMETER)
    if named and named != acting_as(user):
        raise AnotherAccount("somebody else has logged in in this browser since the page was opened")


def acting_as(user: User) -> str:
    """A person and the workspace that they have selected."""
    return f"{user.id}.{user.workspace_id}"


async def own_pages_only(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A guard of what gets one in: `require_own_page`, whoever asks, and one that can keep the cookie."""
    require_own_page(connection)
    require_keepable_cookie(connection)


async def require_scope(connection: Connection, handler: BaseRouteHandler) -> None:
    """A guard: reading needs `read`, writing `send`, unless the handler says otherwise. Raises Forbidden."""
    needed = scope_of(handler, _method(connection))
    if needed not in connection.auth.scopes:
        raise Forbidden(f"this key lacks the scope {needed}")


def scope_of(handler: BaseRouteHandler, method: str) -> Scope:
    """The scope that a key needs for a call."""
    return handler.opt.get("scope", "read" if method in SAFE_METHODS else "send")


async def require_role(connection: Connection, handler: BaseRouteHandler) -> None:
    """A guard: what one has to be in the workspace that the request is about; None: nothing.

    That is the selected one, unless the handler says that `{id}` names it (`"workspace": "id"`). Where `{id}` names a
    member (`"unless_oneself": True`), nobody needs the role to do it to themselves. Raises Forbidden, NotFound.
    """
    if _method(connection) == "OPTIONS":  # of handlers that Litestar makes: it tells methods and nothing else
        return
    needed: Role | None = handler.opt["role"]  # a handler that has not decided answers nobody
    if needed is None:
        return
    role: Role = connection.user.role
    if handler.opt.get("workspace") == "id":
        workspace_id = connection.path_params["id"]
        if connection.auth.session_id is None and workspace_id != connection.user.workspace_id:
            raise NotFound(f"no workspace {workspace_id}: a key belongs to one")
        role = await members.role_in(connection.app.state["pool"], workspace_id, connection.user.id)
    oneself = handler.opt.get("unless_oneself") and connection.path_params["id"] == connection.user.id
    if not oneself and not covers(role, needed):
        raise Forbidden(f"this takes the role {needed} in the workspace, and you are {role}")


async def people_only(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A guard for what only somebody logged in may do. Raises Forbidden."""
    if connection.auth.session_id is None:
        raise Forbidden("an API key belongs to one workspace; log in to do this")


async def require_admin(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A guard for what only the installation's administrator may do. Raises Forbidden."""
    if not connection.user.is_admin:
        raise Forbidden("only the administrator may do this")


def _method(connection: Connection) -> str:
    return cast("dict[str, str]", connection.scope)["method"]


def provide_user(request: Request[User, Access, Any]) -> User:
    """The user whom `Authentication` let pass."""
    return request.user


def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """The actor who asks, as far as it is known, and from where."""
    client = request.app.state["client_addresses"].find(request)
    user_id = request.user.id if "user" in request.scope else None
    return Actor(client.address, request.headers.get("user-agent", ""), user_id, client.visitor)


def cookie_name(settings: Settings) -> str:
    """With the prefix that has browsers insist on HTTPS and this very host (RFC 6265bis), where there is HTTPS."""
    return "__Host-reachinbox" if is_https(settings) else "reachinbox"


def is_https(settings: Settings) -> bool:
    return settings.base_url.startswith("https://")


def session_cookie(settings: Settings, token: str, max_age_s: int = sessions.ABSOLUTE_S) -> Cookie:
    """The cookie that holds a session's token; no script can read it."""
    return Cookie(
        key=cookie_name(settings),
        value=token,
        path="/",
        max_age=max_age_s,
        secure=is_https(settings),
        httponly=True,
        samesite="lax",
    )
