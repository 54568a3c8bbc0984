"""Who is asking: a program by its API key, sent as `Authorization: Bearer <key>` (RFC 6750)."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from app.domain import users
from app.domain.users import User
from app.errors import Unauthenticated


class Authentication(AbstractAuthenticationMiddleware):
    """Lets nobody unknown pass; the first way in that the request tries decides."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """Raises Unauthenticated."""
        user = await _holder_of_key(connection)
        # A session cookie is the second way in: it is looked at here, where there is no Authorization header.
        if user is None:
            raise Unauthenticated("who are you? Send an API key as `Authorization: Bearer <key>`")
        return AuthenticationResult(user=user, auth=None)


async def _holder_of_key(connection: ASGIConnection[Any, Any, Any, Any]) -> User | None:
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return await users.authenticate(connection.app.state["pool"], key.strip())


def provide_user(request: Request[User, Any, Any]) -> User:
    """The user whom `Authentication` let pass."""
    return request.user
