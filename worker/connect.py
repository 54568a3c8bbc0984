"""Connecting to a sender's server: its addresses, TLS, EHLO, AUTH.

A sender's own server is connected to as `app.domain.operations.host_policy` allows: at an address that was checked,
with the certificate checked for the name. A login goes out over TLS only.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import aiosmtplib
from aiosmtplib import SMTP, SMTPConnectError, SMTPException, SMTPResponseException

from app.domain.operations import host_policy
from app.domain.operations.host_policy import STRICT, Address, HostPolicy, Lookup, RefusedHost
from app.plain_errors import plain
from app.settings import SmtpSecurity
from worker.auth import Bearer, Bearers, Password, Token, log_in, with_bearer
from worker.trust import trusted
from worker.verdicts import ServerTrouble, TroubleKind, storable
from worker.wire import Wire

CONNECT_TIMEOUT_S = 30.0
GREETING_TIMEOUT_S = 300.0  # RFC 5321, section 4.5.3.2.1: some make strangers wait, to see who does not


class Server(NamedTuple):
    """Where to connect and how; `username` None: no login; `policy` None: the operator's own, which may be anywhere.

    With `bearers` the login is by an access token of them, with `password` by that. `ca_file`: whom to trust beside the
    system's authorities.
    """

    host: str
    port: int
    security: SmtpSecurity
    username: str | None = None
    password: str | None = None
    policy: HostPolicy | None = STRICT
    bearers: Bearers | None = None
    ca_file: Path | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


class Secured(NamedTuple):
    """The version of TLS, None without, and until when the server's certificate is good, in its own words."""

    version: str | None
    certificate_until: str | None


class Connection(NamedTuple):
    """A connection that is logged in, and which extensions the server offers on it."""

    wire: Wire
    smtputf8: bool
    eightbitmime: bool
    pipelining: bool
    most_messages: int | None  # of one connection (MAILMAX of LIMITS, RFC 9422); None: it does not say
    says_size: bool  # SIZE, RFC 1870
    most_bytes: int | None  # of a message; None: it does not say
    secured: Secured = Secured(None, None)


async def connect(server: Server, ehlo_name: str, lookup: Lookup) -> Connection:
    """Connect, start TLS as the server's security says (never less), log in. Raises ServerTrouble.

    A refused access token is renewed, and tried once more on another connection.
    """
    return await with_bearer(server.bearers, lambda bearer: _connect(server, ehlo_name, lookup, bearer))


async def _connect(server: Server, ehlo_name: str, lookup: Lookup, bearer: Bearer | None) -> Connection:
    client = SMTP(
        hostname=server.host.removesuffix("."),  # what the certificate has to be for
        local_hostname=ehlo_name,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        timeout=CONNECT_TIMEOUT_S,
    )
    try:
        if server.security != "none":  # now: nothing may come between the socket and its use
            client.tls_context = await trusted(server.ca_file)
        await client.connect(sock=await reach(server, lookup), timeout=GREETING_TIMEOUT_S)
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
    except (SMTPException, OSError, ValueError) as error:
        client.close()
        raise _trouble(server, error) from error
    except asyncio.CancelledError:
        client.close()
        raise
    if client.transport is None:
        raise ServerTrouble(f"{server.address} closed the connection at once", "connect")
    wire = Wire(cast("asyncio.Transport", client.transport))
    if (credential := credential_for(server, bearer)) is not None:
        await log_in(wire, server.address, client.server_auth_methods, credential)
    return Connection(
        wire,
        smtputf8=client.supports_extension("smtputf8"),
        eightbitmime=client.supports_extension("8bitmime"),
        pipelining=client.supports_extension("pipelining"),
        most_messages=_mail_max(client.esmtp_extensions.get("limits", "")),
        says_size=client.supports_extension("size"),
        most_bytes=_most_bytes(client.esmtp_extensions.get("size", "")),
        secured=_secured(client.transport),
    )


def _secured(transport: asyncio.BaseTransport) -> Secured:
    secure: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if secure is None:
        return Secured(None, None)
    certificate: Any = secure.getpeercert() or {}
    return Secured(secure.version(), certificate.get("notAfter"))


def credential_for(server: Server, bearer: Bearer | None) -> Password | Token | None:
    if server.username is None:
        return None
    if bearer is not None:
        return Token(server.username, bearer.token, server.host.removesuffix("."), server.port)
    return Password(server.username, server.password or "", server.security == "none")


def _mail_max(limits: str) -> int | None:
    """MAILMAX of the parameters of LIMITS: one to six digits, of which the first is not 0."""
    match = re.search(r"(?:^|\s)mailmax=([1-9]\d{0,5})(?:\s|$)", limits, re.IGNORECASE)
    return int(match[1]) if match else None


async def reach(server: Server, lookup: Lookup) -> socket.socket:
    """A socket that is connected to the server: `lookup` is asked once, and what it answered is what is connected to.
    Raises ServerTrouble, OSError.
    """
    try:
        addresses = await _addresses(server, lookup)
    except RefusedHost as refused:
        raise ServerTrouble(f"{server.host} {refused}", "host") from None
    try:
        return await _dial(addresses)
    except OSError:
        host_policy.forget(server.host)
        raise


def _most_bytes(size: str) -> int | None:
    """The parameter of SIZE; 0 says that there is no fixed limit, as none does."""
    match = re.fullmatch(r"\s*0*([1-9]\d{0,18})\s*", size)
    return int(match[1]) if match else None


async def _addresses(server: Server, lookup: Lookup) -> list[Address]:
    """Where to connect, checked unless the server is the operator's own. Raises RefusedHost, ServerTrouble, OSError."""
    policy = server.policy
    if policy is None:
        return [Address(family, sockaddr) for family, _, _, _, sockaddr in await lookup(server.host, server.port)]
    host_policy.check_port(server.port, policy.ports)
    if server.username is not None and server.security == "none":
        text = "the login would go out in the clear; set security to starttls or tls"
        raise ServerTrouble(f"{server.address}: {text}", "tls")
    return await host_policy.resolve(server.host, server.port, allow_private=policy.allow_private, lookup=lookup)


async def _dial(addresses: Sequence[Address]) -> socket.socket:
    """A socket connected to the first address that answers; they share the time. Raises OSError."""
    trouble: OSError = OSError("it has no address")
    for address in addresses:
        connected = socket.socket(address.family, socket.SOCK_STREAM)
        connected.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S / len(addresses)):
                await asyncio.get_running_loop().sock_connect(connected, address.sockaddr)
        except BaseException as error:
            connected.close()
            if not isinstance(error, OSError):
                raise
            trouble = error
        else:
            return connected
    raise trouble


def _trouble(server: Server, error: BaseException) -> ServerTrouble:
    """One sentence for a person who has to mend the sender's settings."""

    def trouble(text: str, kind: TroubleKind, code: int | None = None) -> ServerTrouble:
        return ServerTrouble(storable(text), kind, code)

    if isinstance(error, SMTPResponseException):
        return trouble(f"{server.address} refused us: {error.code} {error.message}", "greeting", error.code)
    if isinstance(error, aiosmtplib.SMTPConnectTimeoutError):
        waited = f"{GREETING_TIMEOUT_S:g} s"
        return trouble(f"cannot connect to {server.address}: it did not greet us within {waited}", "connect")
    if isinstance(error, SMTPConnectError) and error.__cause__ is not None:
        error = error.__cause__  # what happened, without aiosmtplib's own naming of the place
    if isinstance(tls := error if isinstance(error, ssl.SSLError) else error.__cause__, ssl.SSLError):
        return trouble(f"TLS with {server.address} failed: {plain(tls)}", "tls")
    if isinstance(error, TimeoutError) and not str(error):
        return trouble(f"cannot connect to {server.address}: no answer within {CONNECT_TIMEOUT_S:g} s", "connect")
    if isinstance(error, SMTPConnectError | OSError | aiosmtplib.SMTPTimeoutError):
        return trouble(f"cannot connect to {server.address}: {plain(error)}", "connect")
    return trouble(f"{server.address}: {error}", "protocol")
