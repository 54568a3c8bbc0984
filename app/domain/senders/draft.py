"""A mailbox as somebody asks for it, and the ranges of what may be asked for."""

from __future__ import annotations

import msgspec

from app.bounds import HOURLY_LIMIT, REMARK, Bounds
from app.domain.operations import host_policy
from app.domain.operations.host_policy import HostPolicy, RefusedHost
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, normalize
from app.settings import SmtpSecurity

MAX_CONNECTIONS = Bounds(1, 1000)
PORT = Bounds(1, 65_535)
LOGIN = Bounds(1, 1000)  # characters of a username or password


class Server(msgspec.Struct, frozen=True, rename="camel"):
    """An SMTP server and, with both or neither, the login for it."""

    host: str
    port: int
    security: SmtpSecurity = "starttls"
    username: str | None = None
    password: str | None = None


class SenderDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A sender as asked for; None takes the installation's default."""

    email: str
    display_name: str = ""
    server: Server | None = None
    hourly_limit: int | None = None
    max_connections: int | None = None


class SenderChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What to change: None leaves as it is; `server` None goes to the fallback server, UNSET leaves it.

    A `server` with a username but no password keeps the password there is.
    """

    email: str | None = None
    display_name: str | None = None
    hourly_limit: int | None = None
    max_connections: int | None = None
    server: Server | msgspec.UnsetType | None = msgspec.UNSET


def check(asked: SenderDraft | SenderChanges, policy: HostPolicy, *, keeps_password: bool = False) -> str | None:
    """The normalized address, if one is given. Raises InvalidInput naming every wrong field.

    A server's host that is a name is not looked up: that is for whoever connects to it.
    """
    wrong: dict[str, str] = {}
    email = asked.email
    if email is not None:
        try:
            email = normalize(email)
        except InvalidAddress as error:
            wrong["email"] = error.reason
    name = asked.display_name
    if name is not None and (not REMARK.allow(len(name)) or any(ord(c) < 32 or ord(c) == 127 for c in name)):
        wrong["displayName"] = f"give at most {REMARK.most} characters, without line breaks or control characters"
    if asked.hourly_limit is not None and not HOURLY_LIMIT.allow(asked.hourly_limit):
        wrong["hourlyLimit"] = f"is out of range; give {HOURLY_LIMIT}"
    if asked.max_connections is not None and not MAX_CONNECTIONS.allow(asked.max_connections):
        wrong["maxConnections"] = f"is out of range; give {MAX_CONNECTIONS}"
    if isinstance(asked.server, Server):
        wrong |= _wrong_with_place(asked.server, policy) | _wrong_with_login(asked.server)
        if asked.server.username is not None and asked.server.password is None and not keeps_password and not wrong:
            wrong["password"] = "is missing; give it again when the server or the login changes"  # noqa: S105 -- a message
    if wrong:
        raise InvalidInput(wrong)
    return email


def _wrong_with_place(server: Server, policy: HostPolicy) -> dict[str, str]:
    """Host and port: where this installation does not connect to."""
    wrong: dict[str, str] = {}
    try:
        host_policy.canonical(server.host, allow_private=policy.allow_private)
    except RefusedHost as refused:
        wrong["host"] = str(refused)
    if not PORT.allow(server.port):
        wrong["port"] = f"is not a port; give {PORT.least} to {PORT.most} (587 with starttls, 465 with tls)"
    elif policy.ports is not None and server.port not in policy.ports:
        wrong["port"] = f"is not one that this installation connects to; give {host_policy.listed(policy.ports)}"
    return wrong


def _wrong_with_login(server: Server) -> dict[str, str]:
    """Username and password, and what would show them to others."""
    wrong: dict[str, str] = {}
    if server.username is not None and server.security == "none":
        wrong["security"] = "would send the login in the clear; give starttls or tls"
    if server.password is not None and server.username is None:
        wrong["username"] = "is missing; a password goes with a username"
    for name, value in (("username", server.username), ("password", server.password)):
        if value is not None and ("\0" in value or not LOGIN.allow(len(value))):
            wrong[name] = f"give {LOGIN} characters"
    return wrong
