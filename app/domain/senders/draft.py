"""A mailbox as somebody asks for it, and the ranges of what may be asked for."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from app.bounds import DAILY_LIMIT, HOURLY_LIMIT, LEAST_GAP_S, RAMP_FROM, RAMP_PER_DAY, REMARK, Bounds
from app.domain.operations import host_policy
from app.domain.operations.host_policy import HostPolicy, RefusedHost
from app.domain.planning.zones import zone_named
from app.domain.senders.known_providers import prints_blanks
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, normalize
from app.settings import SmtpSecurity

MAX_CONNECTIONS = Bounds(1, 1000)
PORT = Bounds(1, 65_535)
LOGIN = Bounds(1, 1000)  # characters of a username or password
Proof = Literal[  # that a mailbox has already, for the server and username that are asked for
    "NONE",
    "PASSWORD",
    "GRANT",  # which a password takes the place of
    "SHARED_GRANT",  # of other senders, too: it takes no password
]


class Server(msgspec.Struct, frozen=True, rename="camel"):
    """An SMTP server and, with both or neither, the login for it."""

    host: str
    port: int
    security: SmtpSecurity = "starttls"
    username: str | None = None
    password: str | None = None


class ImapServer(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Where a mailbox is read. `port` null: 993 with tls, 143 with starttls. Without a `username` it is logged in to as
    the SMTP server is.
    """

    host: str
    port: Annotated[int | None, PORT] = None
    security: Literal["starttls", "tls"] = "tls"
    username: Annotated[str | None, LOGIN] = None
    password: Annotated[str | None, LOGIN] = None


class RampUp(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """`from` emails on the first day, `perDay` more for each day on which something was sent."""

    per_day: Annotated[int, RAMP_PER_DAY]
    from_: Annotated[int, RAMP_FROM] = msgspec.field(name="from")


class SenderDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A sender as asked for; None takes the installation's default, of what is no limit but its hour's: none."""

    email: str
    display_name: str = ""
    reply_to: str | None = None
    server: Server | None = None
    hourly_limit: int | None = None
    max_connections: int | None = None
    daily_limit: int | None = None
    least_gap_seconds: int | None = None
    ramp_up: RampUp | None = None
    timezone: str | None = None
    imap: ImapServer | None = None
    copy_to_sent: bool = True


class SenderChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The changes to make: None leaves a field as it is; where UNSET does, None removes: `server` None goes to the
    fallback server, `timezone` None to UTC.

    A `server` with a username but no password keeps the password there is, as `imap` does.
    """

    email: str | None = None
    display_name: str | None = None
    reply_to: str | msgspec.UnsetType | None = msgspec.UNSET
    hourly_limit: int | None = None
    max_connections: int | None = None
    daily_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    least_gap_seconds: int | msgspec.UnsetType | None = msgspec.UNSET
    ramp_up: RampUp | msgspec.UnsetType | None = msgspec.UNSET
    timezone: str | msgspec.UnsetType | None = msgspec.UNSET
    server: Server | msgspec.UnsetType | None = msgspec.UNSET
    imap: ImapServer | msgspec.UnsetType | None = msgspec.UNSET
    copy_to_sent: bool | None = None


_Asked = TypeVar("_Asked", SenderDraft, SenderChanges)


def tidied(asked: _Asked) -> _Asked:
    """Hosts in the one spelling by which logins are told apart, where they are any. Passwords without what is no part
    of them, though their provider prints them so: blanks, ordinary and no-break.
    """
    changed: dict[str, Any] = {}
    for name in ("server", "imap"):
        at = getattr(asked, name)
        if isinstance(at, Server | ImapServer):
            with suppress(RefusedHost):
                at = msgspec.structs.replace(at, host=host_policy.canonical(at.host, allow_private=True))
            if at.password and prints_blanks(at.host):
                at = msgspec.structs.replace(at, password=re.sub(r"\s", "", at.password))
            changed[name] = at
    return msgspec.structs.replace(asked, **changed) if changed else asked


def limits_of(asked: SenderDraft | SenderChanges) -> dict[str, Any]:
    """The columns of `logins` that are asked to change."""
    columns: dict[str, Any] = {
        name: value for name in ("hourly_limit", "max_connections") if (value := getattr(asked, name)) is not None
    }
    if not isinstance(asked.daily_limit, msgspec.UnsetType):
        columns["daily_limit"] = asked.daily_limit
    if not isinstance(gap_s := asked.least_gap_seconds, msgspec.UnsetType):
        columns["least_gap_ms"] = gap_s and gap_s * 1000
    if not isinstance(ramp := asked.ramp_up, msgspec.UnsetType):
        columns |= {"ramp_from": ramp and ramp.from_, "ramp_per_day": ramp and ramp.per_day}
    if not isinstance(asked.timezone, msgspec.UnsetType):
        columns["timezone"] = asked.timezone and zone_named(asked.timezone)
    return columns


def check(asked: SenderDraft | SenderChanges, policy: HostPolicy, proof: Proof, besides: dict[str, str]) -> str | None:
    """The normalized address, if one is given. Raises InvalidInput naming every wrong field, and those `besides`.

    A server's host that is a name is not looked up: that is for whoever connects to it. By a grant, that is to its
    provider's server, which the operator chose.
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
    wrong |= _wrong_with_limits(asked)
    if isinstance(server := asked.server, Server):
        by_grant = proof in {"GRANT", "SHARED_GRANT"} and server.password is None
        wrong |= {} if by_grant else _wrong_with_place(server, policy)
        wrong |= wrong_with_login(server.username, server.password)
        if server.port == 465 and server.security != "tls":
            wrong["security"] = "does not go with port 465, which speaks TLS at once: give tls, or port 587"
        if server.port == 587 and server.security == "tls":
            wrong["security"] = "does not go with port 587, which begins in the clear: give starttls, or port 465"
        if server.username is not None and server.security == "none":
            wrong["security"] = "would send the login in the clear; give starttls or tls"
        if server.password is not None and proof == "SHARED_GRANT":
            wrong["password"] = "is of no use: the mailbox is connected for other senders, too; leave it out"  # noqa: S105 -- a message
        elif server.username is not None and server.password is None and proof == "NONE" and not wrong:
            wrong["password"] = "is missing; give it again when the server or the login changes"  # noqa: S105 -- a message
    if wrong | besides:
        raise InvalidInput(wrong | besides)
    return email


def _wrong_with_limits(asked: SenderDraft | SenderChanges) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for field, value, bounds in (
        ("hourlyLimit", asked.hourly_limit, HOURLY_LIMIT),
        ("maxConnections", asked.max_connections, MAX_CONNECTIONS),
        ("dailyLimit", asked.daily_limit, DAILY_LIMIT),
        ("leastGapSeconds", asked.least_gap_seconds, LEAST_GAP_S),
    ):
        if isinstance(value, int) and not bounds.allow(value):
            wrong[field] = f"is out of range; give {bounds}"
    ramp = asked.ramp_up
    if isinstance(ramp, RampUp) and not (RAMP_FROM.allow(ramp.from_) and RAMP_PER_DAY.allow(ramp.per_day)):
        wrong["rampUp"] = f"is out of range; give {RAMP_FROM} as `from` and {RAMP_PER_DAY} as `perDay`"
    if isinstance(asked.timezone, str) and zone_named(asked.timezone) is None:
        wrong["timezone"] = 'is no time zone that is known here; give one by its IANA name, such as "Europe/Berlin"'
    return wrong


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


def wrong_with_login(username: str | None, password: str | None) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if password is not None and username is None:
        wrong["username"] = "is missing; a password goes with a username"
    for name, value in (("username", username), ("password", password)):
        if value is not None and (any(ord(c) < 32 for c in value) or not LOGIN.allow(len(value))):
            wrong[name] = f"give {LOGIN} characters, and no control characters"
    if username is not None and username != username.strip() and "username" not in wrong:
        wrong["username"] = "has a blank at its beginning or end"
    if password is not None and re.search(r"[\u00a0\u202f\u2007\ufeff]", password) and "password" not in wrong:
        wrong["password"] = "has a no-break space, as pages have where words are set apart; take it out"  # noqa: S105 -- a message
    return wrong
