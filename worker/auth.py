"""Logging in to an SMTP server (RFC 4954): one AUTH, in the mechanism that fits what we have, and the server's own
words when it does not let us in.

One try each: servers count them, and lock a mailbox out that tried a wrong password by three mechanisms. Nothing but
the credentials goes out here, no EHLO after AUTH either, which some servers take for a beginning anew. A server may
hang up with its refusal or right behind it, so replies are read from the wire, where none is lost.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from app.mail.login import by_password, decoded
from app.secrets import without
from worker.verdicts import ServerTrouble, storable
from worker.wire import Reply, Wire, WireError

AUTH_TIMEOUT_S = 60.0  # for each reply
# Codes of a server that lets nobody in by this mailbox, whatever the bearer: a new one would change nothing.
_NOT_THE_BEARERS = re.compile(r"5\.7\.139|\b5\.7\.30\b|smtpclientauth", re.IGNORECASE)
_LONGEST_ANSWER = 500  # of a challenge that is shown
_LEAST_TO_HIDE = 6  # characters: what is shorter is part of words that a refusal is made of
T = TypeVar("T")


class Bearer(Protocol):
    """An access token, and which one it is."""

    @property
    def token(self) -> str: ...
    @property
    def version(self) -> int: ...


class Bearers(NamedTuple):
    """Where access tokens for a login come from. Both raise ServerTrouble; `renewed` gives None where the one that was
    refused is as new as can be.
    """

    current: Callable[[], Awaitable[Bearer]]
    renewed: Callable[[Bearer], Awaitable[Bearer | None]]


async def with_bearer(bearers: Bearers | None, attempt: Callable[[Bearer | None], Awaitable[T]]) -> T:
    """The result of `attempt`, which logs in by a current bearer, or without one. One that is refused is renewed, and
    `attempt` is made once more. Raises ServerTrouble.
    """
    if bearers is None:
        return await attempt(None)
    bearer = await bearers.current()  # before a server waits for it
    try:
        return await attempt(bearer)
    except LoginRefused as refused:
        renewed = await bearers.renewed(bearer) if refused.of_bearer else None
        if renewed is None:
            raise
    return await attempt(renewed)


class Password(NamedTuple):
    """The username and password that a person would type."""

    username: str
    password: str
    in_the_clear: bool  # nothing hides it on its way


class Token(NamedTuple):
    """An access token for a mailbox, and the server that it is shown to (RFC 7628, section 3.1)."""

    username: str
    token: str
    host: str
    port: int


class LoginRefused(ServerTrouble):
    """The server does not let us in. `of_bearer`: another access token may help."""

    def __init__(self, text: str, code: int | None, *, of_bearer: bool = False) -> None:
        super().__init__(text, "login", code)
        self.of_bearer = of_bearer


async def log_in(wire: Wire, address: str, offered: Collection[str], credential: Password | Token) -> None:
    """One AUTH. `offered`: the server's mechanisms in lower case. Raises ServerTrouble; the wire is closed then."""
    try:
        try:
            if isinstance(credential, Token):
                await _by_token(wire, address, offered, credential)
            else:
                await _by_password(wire, address, offered, credential)
        except BaseException:
            wire.close()
            raise
    except TimeoutError:
        raise ServerTrouble(f"{address} did not answer our login within {AUTH_TIMEOUT_S:g} s", "login") from None
    except WireError as error:
        text = without_secrets(f"{address} ended the conversation at the login: {error}", credential)
        raise ServerTrouble(storable(text), "login") from None
    except ValueError as error:  # a challenge that is none
        raise ServerTrouble(storable(f"{address}: {error}"), "protocol") from None


async def _by_password(wire: Wire, address: str, offered: Collection[str], credential: Password) -> None:
    dialogue = by_password(offered, credential.username, credential.password, in_the_clear=credential.in_the_clear)
    if dialogue is None:
        raise ServerTrouble(f"{address} {_without(offered)}; a password cannot be used there", "login")
    reply = await _say(wire, next(dialogue))
    with suppress(StopIteration):
        while True:
            reply = await _say(wire, dialogue.send((reply.code, reply.text)))
    if reply.code != 235:
        text = without_secrets(f"{address} refused the login: {reply.code} {reply.text}", credential)
        raise LoginRefused(storable(text), reply.code)


async def _by_token(wire: Wire, address: str, offered: Collection[str], credential: Token) -> None:
    by = by_token(address, offered, credential)
    reply = await _say(wire, b"AUTH %b %b" % (by.mechanism.encode(), _encoded(by.first)))
    if reply.code == 235:
        return
    said = ""
    if reply.code == 334:  # the error comes as a challenge, which is to be answered before it is one (RFC 7628, 3.2.3)
        with suppress(ValueError):  # what is not even base64 says nothing
            said = words_of(decoded(reply.text))
        try:
            reply = await _say(wire, _encoded(by.understood))
        except (WireError, TimeoutError):  # it has said what there was to say
            reply = Reply(535, "")
    if reply.code == 235:
        raise ServerTrouble(f"{address} let us in after an error", "protocol")
    text = f"{address} refused the login: {reply.code} {reply.text}".rstrip() + said
    text = storable(without_secrets(text, credential))
    raise LoginRefused(text, reply.code, of_bearer=(bool(said) or reply.code == 535) and may_be_of_bearer(text))


def without_secrets(text: str, credential: Password | Token) -> str:
    """A server's words. Some repeat the line that they did not understand, whole or its beginning."""
    if isinstance(credential, Password):
        secret = credential.password
        sent = [f"\0{credential.username}\0{secret}".encode(), secret.encode()]
    else:
        secret = credential.token
        sent = [by_token(credential.host, {way}, credential).first for way in ("xoauth2", "oauthbearer")]
    quoted = secret.replace("\\", "\\\\").replace('"', '\\"')  # as IMAP's LOGIN has it
    for whole in (quoted, secret):
        text = without(text, whole, max(len(whole), _LEAST_TO_HIDE))
    for line in sent:
        text = without(text, _encoded(line).decode(), _LEAST_TO_HIDE)
    return text


class ByToken(NamedTuple):
    """One mechanism: what goes out first, and what an error that comes as a challenge is answered with."""

    mechanism: str
    first: bytes
    understood: bytes


def by_token(address: str, offered: Collection[str], credential: Token) -> ByToken:
    """For SMTP and IMAP alike. `offered`: in lower case. Raises ServerTrouble."""
    username, bearer = credential.username, f"auth=Bearer {credential.token}\x01\x01"
    if "xoauth2" in offered:
        return ByToken("XOAUTH2", f"user={username}\x01{bearer}".encode(), b"")
    if "oauthbearer" in offered:
        name = username.replace("=", "=3D").replace(",", "=2C")  # RFC 5801, section 4
        place = f"host={credential.host}\x01port={credential.port}\x01"
        return ByToken("OAUTHBEARER", f"n,a={name},\x01{place}{bearer}".encode(), b"\x01")
    raise ServerTrouble(f"{address} {_without(offered)}; an access token cannot be used there", "login")


def may_be_of_bearer(refusal: str) -> bool:
    """Whether another access token may be let in, by the words of a refusal."""
    return _NOT_THE_BEARERS.search(refusal) is None


async def _say(wire: Wire, line: bytes) -> Reply:
    """Raises WireError, TimeoutError."""
    wire.begin()
    wire.send(line + b"\r\n")
    async with asyncio.timeout(AUTH_TIMEOUT_S):
        return await wire.reply()


def words_of(challenge: bytes) -> str:
    """The JSON of a refused bearer, in words: `(of the access token it says: status 401, scope mail)`."""
    try:
        told: Any = json.loads(challenge)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    shown = [
        f"{name} {value}"
        for name, value in cast("dict[str, Any]", told).items()
        if name in {"status", "scope", "error", "error_description"} and isinstance(value, str | int)
    ]
    return f" (of the access token it says: {', '.join(shown)})"[:_LONGEST_ANSWER] if shown else ""


def _without(offered: Collection[str]) -> str:
    if not offered:
        return "takes no login (it offers no AUTH)"
    return f"takes logins by {', '.join(mechanism.upper() for mechanism in offered)} alone"


def _encoded(data: bytes) -> bytes:
    return base64.b64encode(data)
