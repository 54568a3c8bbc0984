"""One SMTP conversation with a sender's server, and what each reply or failure means.

A connection lost before the final dot has handed over nothing, one lost after it may have (RFC 5321, section 6.1), and
only the second is in doubt. So MAIL, RCPT and DATA may go out together where the server offers PIPELINING (RFC 2920),
which saves two of four round trips; the message goes out only after all three were answered. `classify` says whose
failure a reply is: the email's, the sender's, or just the connection's.

A sender's own server is connected to as `app.domain.hosts` allows: at an address that was checked, with the
certificate checked for the name. A login goes out over TLS only.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal, NamedTuple, cast

import aiosmtplib
from aiosmtplib import SMTP, SMTPConnectError, SMTPException, SMTPResponseException

from app.domain.ledger.exchange import Outcome
from app.domain.operations import host_policy
from app.domain.operations.host_policy import STRICT, Address, HostPolicy, Lookup, RefusedHost
from app.mail.message import Message
from app.settings import SmtpSecurity
from worker.wire import Reply, Wire, WireError

Fault = Literal["email", "sender", "connection"]
Command = Literal["MAIL", "RCPT", "DATA", "."]
TroubleKind = Literal[
    "password",  # ours of it cannot be decrypted
    "host",  # not one that senders may name
    "connect",
    "tls",
    "login",
    "greeting",  # refused before any login
    "reply",  # to a message: throttled, or the sender is not wanted
    "protocol",
    "internal",  # our own failure
]

CONNECT_TIMEOUT_S = 30.0
QUIT_TIMEOUT_S = 2.0
# RFC 5321, section 4.5.3.2: how long a client waits for the reply to each.
TIMEOUTS_S: dict[Command, float] = {"MAIL": 300.0, "RCPT": 300.0, "DATA": 120.0, ".": 600.0}

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b\s*")
_TOO_MANY_HERE = re.compile(
    r"too many (?:messages|mails|emails|transactions|recipients).*|per[- ](?:connection|session)", re.I
)
_GREYLISTED = re.compile(r"gr[ea]y-?list", re.I)
_LEADING_DOT = re.compile(rb"^\.", re.M)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")  # NUL, and the bytes of a reply that is not UTF-8
_LONGEST_TEXT = 2_000


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


class Verdict(NamedTuple):
    """What became of one message. `fault` says who has to change for it to work next time."""

    kind: Outcome
    fault: Fault
    command: Command
    text: str
    code: int | None = None
    enhanced_code: str | None = None


class ServerTrouble(Exception):
    """The server cannot be reached, offers no TLS, or does not let us in: the sender's trouble, in plain words.

    The text may hold the server's own words, and so addresses; `kind` and `code` (RFC 5321) are for logs.
    """

    def __init__(self, text: str, kind: TroubleKind, code: int | None = None) -> None:
        super().__init__(text)
        self.kind: TroubleKind = kind
        self.code = code


def classify(command: Command, code: int, text: str, *, delivered: int) -> Verdict:
    """What the server's reply to `command` means.

    `delivered` is how many messages this connection has handed over: a server that has taken some and then says 421
    wants a new connection; one that says so to the first wants to be left alone.
    """
    text = _storable(text)
    match = _ENHANCED.match(text)
    enhanced = match[1] if match else None

    def verdict(kind: Outcome, fault: Fault) -> Verdict:
        return Verdict(kind, fault, command, text[match.end() :] if match else text, code, enhanced)

    if command == "." and 200 <= code < 300:
        return verdict("ACCEPTED", "email")
    if command == "." and not 400 <= code < 600:  # the message went out, and this says nothing about it
        return Verdict("UNKNOWN", "connection", command, f"unexpected reply: {text}", code, enhanced)
    if delivered and _TOO_MANY_HERE.search(text):
        return verdict("RELEASED", "connection")
    if code == 421:
        return verdict("RELEASED", "connection" if delivered and command == "MAIL" else "sender")
    if 400 <= code < 500:
        if enhanced and enhanced.startswith("4.7.") and not _GREYLISTED.search(text):
            return verdict("RELEASED", "sender")
        return verdict("DEFERRED", "email")
    if 500 <= code < 600:
        # Too large, or an address that needs SMTPUTF8: said to MAIL, but about this message.
        if command == "MAIL" and enhanced not in {"5.3.4", "5.6.7"} and code != 552:
            return verdict("RELEASED", "sender")
        if enhanced == "5.4.5":  # a mailbox's daily quota, as Gmail says it: of no recipient's making
            return verdict("RELEASED", "sender")
        return verdict("REJECTED", "email")
    return Verdict("RELEASED", "sender", command, f"unexpected reply: {text}", code, enhanced)


def classify_loss(command: Command, reason: str, *, delivered: int) -> Verdict:
    """What a connection lost or timed out at `command` means; at the dot, the message may have been accepted."""
    reason = _storable(reason)
    if command == ".":
        return Verdict("UNKNOWN", "connection", command, f"the message went out and no answer came: {reason}")
    return Verdict("RELEASED", "connection" if delivered else "sender", command, f"before the message: {reason}")


class Conversation:
    """A connection, logged in, that messages are handed over on one after the other."""

    def __init__(self, client: SMTP, wire: Wire, server: Server) -> None:
        self._wire = wire
        self._loop = asyncio.get_running_loop()  # asked for once: that is a system call in Python 3.11
        self._smtputf8 = client.supports_extension("smtputf8")
        self._eightbitmime = client.supports_extension("8bitmime")
        self._pipelining = client.supports_extension("pipelining")
        self._waiting: Command | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timed_out = False
        self.server = server
        self.delivered = 0

    @classmethod
    async def open(cls, server: Server, local_hostname: str, lookup: Lookup = host_policy.look_up) -> Conversation:
        """Connect, start TLS as the server's security says (never less), log in. Raises ServerTrouble.

        `lookup` is asked once, and only what it answered is connected to.
        """
        client = SMTP(
            hostname=server.host.removesuffix("."),  # what the certificate has to be for
            local_hostname=local_hostname,
            username=server.username,
            password=server.password,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            timeout=CONNECT_TIMEOUT_S,
        )
        try:
            addresses = await _addresses(server, lookup)
            if server.security != "none":  # now: nothing may come between the socket and its use
                client.tls_context = await asyncio.to_thread(ssl.create_default_context)
            await client.connect(sock=await _connect(addresses))
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
        return cls(client, Wire(cast("asyncio.Transport", client.transport)), server)

    @property
    def connected(self) -> bool:
        return self._wire.is_open

    async def deliver(self, envelope_from: str, message: Message) -> Verdict:
        """Hand one message over. Never raises for what the server does; after any loss `connected` is False.

        RFC 5321, section 3.3; SMTPUTF8 as in RFC 6531, BODY=8BITMIME as in RFC 6152, PIPELINING as in RFC 2920.
        """
        if message.smtputf8 and not self._smtputf8:
            text = "the address needs SMTPUTF8, which this server does not offer"
            return Verdict("REJECTED", "email", "MAIL", text, None, "5.6.7")
        options, encoding = "", "ascii"
        if message.smtputf8:
            options, encoding = (" SMTPUTF8 BODY=8BITMIME" if self._eightbitmime else " SMTPUTF8"), "utf-8"
        lines: list[tuple[Command, bytes]] = [
            ("MAIL", _line(f"MAIL FROM:<{envelope_from}>{options}", encoding)),
            ("RCPT", _line(f"RCPT TO:<{message.envelope_to}>", encoding)),
            ("DATA", b"DATA\r\n"),
        ]
        command, unanswered = lines[0][0], 0
        try:
            self._wire.begin()
            if self._pipelining:
                self._wire.send(b"".join(line for _, line in lines))
                unanswered = len(lines)
            for command, line in lines:
                if not self._pipelining:
                    self._wire.begin()
                    self._wire.send(line)
                    unanswered = 1
                code, text = await self._reply_to(command)
                unanswered -= 1
                if not (code == 354 if command == "DATA" else 200 <= code < 300):
                    break
            else:
                # A write that fails has sent nothing: not yet in doubt.
                self._wire.begin()
                self._wire.send(_stuffed(message.content))
                command = "."
                code, text = await self._reply_to(command)
        except WireError as error:
            self._wire.close()
            reason = f"no reply within {TIMEOUTS_S[command]:g} s" if self._timed_out else str(error)
            return classify_loss(command, reason, delivered=self.delivered)
        except asyncio.CancelledError:
            self._wire.close()  # its stream is out of step
            raise
        finally:
            self._waiting = None
        verdict = classify(command, code, text, delivered=self.delivered)
        if verdict.kind == "ACCEPTED":
            self.delivered += 1
        elif verdict.fault == "email":
            await self._start_over(command, unanswered)
        elif unanswered:
            self._wire.close()  # it might take QUIT for the message
        return verdict

    async def _reply_to(self, command: Command) -> Reply:
        self._expect_reply_to(command)
        return await self._wire.reply()

    def _expect_reply_to(self, command: Command) -> None:
        """Start the command's timeout. One timer a connection, set anew only when it fires: most replies come at once,
        and four timers a message would cost more than the rest of the waiting.
        """
        self._waiting = command
        self._deadline = self._loop.time() + TIMEOUTS_S[command]
        if self._timer is None or self._timer.when() > self._deadline:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._check_deadline)

    def _check_deadline(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._timed_out = True
            self._wire.close()  # whoever waits for the reply is told that the connection is lost

    async def _start_over(self, command: Command, unanswered: int) -> None:
        """Leave the mail transaction that was refused at `command`, so that the next MAIL begins a new one."""
        try:
            for _ in range(unanswered):
                code, _ = await self._reply_to("DATA")
                if code == 354:
                    # It refused the recipient and wants the message all the same. An empty one, as RFC 2920 has it,
                    # could reach somebody.
                    raise WireError("DATA was accepted without a recipient")
            if command in {"RCPT", "DATA"}:
                self._wire.begin()
                self._wire.send(b"RSET\r\n")
                await self._reply_to("MAIL")
        except WireError:
            self._wire.close()
        except asyncio.CancelledError:
            self._wire.close()
            raise
        finally:
            self._waiting = None

    async def close(self) -> None:
        """Say QUIT if that is still possible, and hang up."""
        try:
            with suppress(WireError, TimeoutError):  # it is over either way
                self._wire.begin()
                self._wire.send(b"QUIT\r\n")
                async with asyncio.timeout(QUIT_TIMEOUT_S):
                    await self._wire.reply()
        finally:
            self._wire.close()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None


def _line(command: str, encoding: str) -> bytes:
    """A command's line. Raises ValueError for what would be two, and for what needs SMTPUTF8 without it."""
    if _CONTROL.search(command):
        raise ValueError("an address has a control character")
    return command.encode(encoding) + b"\r\n"


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


async def _connect(addresses: Sequence[Address]) -> socket.socket:
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


def _stuffed(content: bytes) -> bytes:
    """The message as DATA sends it: leading dots doubled, and the final dot (RFC 5321, section 4.5.2)."""
    if content.startswith(b".") or b"\n." in content:
        content = _LEADING_DOT.sub(b"..", content)
    return content + b".\r\n" if content.endswith(b"\r\n") else content + b"\r\n.\r\n"


def _storable(text: str) -> str:
    """A server's words as Postgres can hold them."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text[:_LONGEST_TEXT])


def _trouble(server: Server, error: BaseException) -> ServerTrouble:
    """One sentence for a person who has to mend the sender's settings."""

    def trouble(text: str, kind: TroubleKind, code: int | None = None) -> ServerTrouble:
        return ServerTrouble(_storable(text), kind, code)

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
