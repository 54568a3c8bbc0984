"""Connecting to a sender's server: its addresses, TLS, EHLO, AUTH.

A sender's own server is connected to as `app.domain.operations.host_policy` allows: at an address that was checked,
with the certificate checked for the name. A login goes out over TLS only.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

import aiosmtplib
from aiosmtplib import SMTP, SMTPConnectError, SMTPException, SMTPResponseException

from app.domain.operations import host_policy
from app.domain.operations.host_policy import STRICT, Address, HostPolicy, Lookup, RefusedHost
from app.settings import SmtpSecurity
from worker.verdicts import ServerTrouble, TroubleKind, storable

CONNECT_TIMEOUT_S = 30.0


class Server(NamedTuple):
    """Where to connect and how; `username` None: no login; `policy` None: the operator's own, which may be anywhere."""

    host: str
    port: int
    security: SmtpSecurity
    username: str | None = None
    password: str | None = None
    policy: HostPolicy | None = STRICT

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


class Connection(NamedTuple):
    """A connection that is logged in, and which extensions the server offers on it."""

    transport: asyncio.Transport
    smtputf8: bool
    eightbitmime: bool
    pipelining: bool
    most_messages: int | None  # of one connection (MAILMAX of LIMITS, RFC 9422); None: it does not say
    says_size: bool  # SIZE, RFC 1870
    most_bytes: int | None  # of a message; None: it does not say


async def connect(server: Server, ehlo_name: str, lookup: Lookup) -> Connection:
    """Connect, start TLS as the server's security says (never less), log in. Raises ServerTrouble.

    `connect` asks `lookup` once, and connects only to what that answered.
    """
    client = SMTP(
        hostname=server.host.removesuffix("."),  # what the certificate has to be for
        local_hostname=ehlo_name,
        username=server.username,
        password=server.password,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        timeout=CONNECT_TIMEOUT_S,
    )
    try:
        addresses = await _addresses(server, lookup)
        if server.security != "none":  # now: nothing may come between the socket and its use
            client.tls_context = await _trusted()
        try:
            connected = await _dial(addresses)
        except OSError:
            host_policy.forget(server.host)
            raise
        await client.connect(sock=connected)
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
    except RefusedHost as refused:
        raise ServerTrouble(f"{server.host} {refused}", "host") from None
    except (SMTPException, OSError, ValueError) as error:
        client.close()
        raise _trouble(server, error) from error
    except asyncio.CancelledError:
        client.close()
        raise
    if client.transport is None:
        raise ServerTrouble(f"{server.address} closed the connection at once", "connect")
    return Connection(
        cast("asyncio.Transport", client.transport),
        smtputf8=client.supports_extension("smtputf8"),
        eightbitmime=client.supports_extension("8bitmime"),
        pipelining=client.supports_extension("pipelining"),
        most_messages=_mail_max(client.esmtp_extensions.get("limits", "")),
        says_size=client.supports_extension("size"),
        most_bytes=_most_bytes(client.esmtp_extensions.get("size", "")),
    )


async def _trusted() -> ssl.SSLContext:
    """What trusts the authorities that this machine trusts. Reading them all takes 30 ms of a processor, longer than
    all else that connecting takes: once read, they serve every connection until their file or folder changes.
    """
    versions = _versions()
    context = _contexts.get(versions)
    return await asyncio.to_thread(_reads, versions) if context is None else context


_Versions = tuple[tuple[str, int], ...]


def _versions() -> _Versions:
    known = ssl.get_default_verify_paths()
    return tuple((path, Path(path).stat().st_mtime_ns) for path in (known.cafile, known.capath) if path)


_contexts: dict[_Versions, ssl.SSLContext] = {}  # the newest alone
_reading = threading.Lock()


def _reads(versions: _Versions) -> ssl.SSLContext:
    with _reading:  # lanes that start together wait for one that reads
        if versions not in _contexts:
            _contexts.clear()
            _contexts[versions] = ssl.create_default_context()
        return _contexts[versions]


def _mail_max(limits: str) -> int | None:
    """MAILMAX of the parameters of LIMITS: one to six digits, of which the first is not 0."""
    match = re.search(r"(?:^|\s)mailmax=([1-9]\d{0,5})(?:\s|$)", limits, re.IGNORECASE)
    return int(match[1]) if match else None


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

    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return trouble(f"{server.address} refused the login: {error.code} {error.message}", "login", error.code)
    if isinstance(error, SMTPResponseException):
        return trouble(f"{server.address} refused us: {error.code} {error.message}", "greeting", error.code)
    if isinstance(error, SMTPConnectError) and error.__cause__ is not None:
        error = error.__cause__  # what happened, without aiosmtplib's own naming of the place
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return trouble(f"TLS with {server.address} failed: {error}", "tls")
    if isinstance(error, TimeoutError) and not str(error):
        return trouble(f"cannot connect to {server.address}: no answer within {CONNECT_TIMEOUT_S:g} s", "connect")
    if isinstance(error, SMTPConnectError | OSError | aiosmtplib.SMTPTimeoutError):
        return trouble(f"cannot connect to {server.address}: {error}", "connect")
    return trouble(f"{server.address}: {error}", "protocol")
