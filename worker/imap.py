"""Reading mailboxes over IMAP (RFC 3501): connected to as SMTP servers are, with the same checks, TLS and credentials.

IMAPClient blocks, so each conversation is had in one of a few threads, and a caller that waits for it no longer hangs
up, at which the thread is free again. Nothing here changes a mailbox but `append`: folders are opened by EXAMINE, and
what is fetched is not marked as read.
"""

from __future__ import annotations

import asyncio
import imaplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from imapclient import IMAPClient, imap_utf7  # pyright: ignore[reportMissingTypeStubs] -- it has none
from imapclient.response_parser import parse_response  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType] -- nor here

from app.domain.operations import host_policy
from app.domain.operations.host_policy import Lookup
from app.plain_errors import plain
from worker.auth import Bearer, Password, Token, with_bearer, without_secrets
from worker.connect import Server, credential_for, reach
from worker.imap_protocol import Allowance, Protocol, words_in
from worker.trust import trusted
from worker.verdicts import ServerTrouble, storable

OPEN_S = 60.0  # for all of it, from TLS to the login
COMMAND_S = 60.0
IDLE_S = 10.0  # to begin to listen for news, to take what came, to end: a server has nothing to work out for it
CLOSE_S = 2.0
TALK_S = 1.0  # a server that tells all kinds of things is listened to no more often
_THREADS = ThreadPoolExecutor(max_workers=16, thread_name_prefix="imap")
# How servers that know no special uses (RFC 6154) call the folder for what was sent.
_SENT = {
    *("sent", "sent items", "sent mail", "sent messages", "gesendet", "gesendete elemente", "gesendete objekte"),
    *("envoyés", "éléments envoyés", "messages envoyés", "enviados", "elementos enviados", "posta inviata"),
    *("verzonden", "verzonden items", "wysłane"),
}
_JUNK = {"junk", "junk email", "junk e-mail", "spam", "bulk mail"}
# Errors that IMAPClient and imaplib raise where a server's answer is none, or of another kind than was asked for.
_NO_ANSWER = (
    *(imaplib.IMAP4.error, OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(AssertionError, RecursionError),
)
T = TypeVar("T")


class Folder(NamedTuple):
    """`uses` as RFC 6154 has them, in lower case: `\\sent`, `\\junk`, `\\all`; they are told by names where need be."""

    name: str
    uses: frozenset[str]
    can_be_opened: bool


class State(NamedTuple):
    """Of a folder that was opened: UIDs are good as long as `uid_validity` is this one."""

    uid_validity: int
    uid_next: int | None
    messages: int


class Session:
    """A mailbox that is logged in to. Its methods block: for functions that are given to `Mailbox.do`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def has(self, capability: str) -> bool:
        return bool(self._client.has_capability(capability))

    def folders(self) -> list[Folder]:
        listed: Iterable[tuple[tuple[bytes, ...], bytes, str]] = self._client.list_folders()
        found: list[Folder] = []
        for flags, delimiter, name in listed:
            said = {flag.decode("ascii", "replace").lower() for flag in flags}
            uses = said & {"\\all", "\\archive", "\\drafts", "\\flagged", "\\junk", "\\sent", "\\trash"}
            last = str(name).rpartition((delimiter or b"/").decode("ascii", "replace"))[2].lower()
            if not uses:
                uses = {"\\sent"} if last in _SENT else {"\\junk"} if last in _JUNK else set[str]()
            found.append(Folder(str(name), frozenset(uses), not said & {"\\noselect", "\\nonexistent"}))
        return found

    def standings(self) -> dict[str, State]:
        """Of folders, without opening them (RFC 5819); where the server cannot say it, of none."""
        if not self.has("LIST-STATUS"):
            return {}
        tokens: Any = parse_response(self._client.protocol.list_with("STATUS", "(STATUS (UIDNEXT UIDVALIDITY))"))
        found: dict[str, State] = {}
        for name, told in zip(tokens[::2], tokens[1::2], strict=False):
            of = dict(zip(told[::2], told[1::2], strict=False))
            if isinstance(of.get(b"UIDVALIDITY"), int) and isinstance(of.get(b"UIDNEXT"), int):
                folder = imap_utf7.decode(name) if isinstance(name, bytes) else str(name)
                found[folder] = State(of[b"UIDVALIDITY"], of[b"UIDNEXT"], 0)
        return found

    def examine(self, folder: str) -> State:
        """Open the folder for reading."""
        told: Mapping[bytes, Any] = self._client.select_folder(folder, readonly=True)
        return State(int(told[b"UIDVALIDITY"]), told.get(b"UIDNEXT"), int(told.get(b"EXISTS", 0)))

    def search(self, *criteria: str | int | date) -> list[int]:
        """UIDs in the folder that is open."""
        return [int(uid) for uid in self._client.search(list(criteria))]

    def fetch(self, uids: Collection[int], *items: str) -> dict[int, dict[bytes, Any]]:
        """By UID; bodies by BODY.PEEK, which marks nothing."""
        if not uids:
            return {}
        return {int(uid): dict(told) for uid, told in self._client.fetch(list(uids), list(items)).items()}

    def begin_idle(self) -> None:
        """The folder that is open is watched, until `end_idle`."""
        self._client.protocol.begin_idle()

    def has_news(self) -> bool:
        return self._client.protocol.has_news()

    def end_idle(self) -> bool:
        """Whether something came meanwhile."""
        return self._client.protocol.end_idle()

    def append(self, folder: str, message: bytes, flags: tuple[bytes, ...], at: datetime | None = None) -> None:
        self._client.append(folder, message, flags, at)


class Mailbox:
    """A mailbox that is logged in to. One conversation at a time."""

    def __init__(self, server: Server, handle: socket.socket) -> None:
        self.server = server
        self._handle = handle  # of the connection, whatever TLS makes of the socket that it came with
        self._protocol: Protocol | None = None
        self._client: Any = None
        self._lock = threading.Lock()
        self._is_busy = False  # a thread talks
        self._is_over = False
        self.tls: str | None = None
        self.certificate_until: str | None = None

    @classmethod
    async def open(cls, server: Server, lookup: Lookup = host_policy.look_up) -> Mailbox:
        """Connect, start TLS, log in; a refused access token is renewed once. Raises ServerTrouble."""
        return await with_bearer(server.bearers, partial(cls._open, server, lookup))

    @classmethod
    async def _open(cls, server: Server, lookup: Lookup, bearer: Bearer | None) -> Mailbox:
        credential = credential_for(server, bearer)
        if credential is None or server.security == "none":
            raise ServerTrouble(f"{server.address} would be read without a login or without TLS", "login")
        try:
            context = await trusted(server.ca_file)
            connected = await reach(server, lookup)
        except OSError as error:
            raise _trouble(server, error) from error
        mailbox = cls(server, connected.dup())
        try:
            await mailbox._run(partial(mailbox._begin, connected, context, credential), OPEN_S)
        except BaseException:
            mailbox._hang_up()
            connected.close()
            raise
        return mailbox

    async def do(
        self, act: Callable[[Session], T], within_s: float = COMMAND_S, allowance: Allowance | None = None
    ) -> T:
        """The result of `act`, called in a thread. Raises ServerTrouble, and then the mailbox is of no further use."""

        def acting() -> T:
            if self._protocol is not None:
                self._protocol.allow(allowance or Allowance())
            return act(Session(self._client))

        return await self._run(acting, within_s)

    async def wait_for_news(self, within_s: float) -> bool:
        """Whether something came into the folder that is open, as soon as the server says so, and without a thread
        meanwhile. Raises ServerTrouble.
        """
        until = time.monotonic() + within_s
        try:
            await self.do(Session.begin_idle, IDLE_S)
            news = await self.do(Session.has_news, IDLE_S)
            while not news and await self._can_be_read(until - time.monotonic()):
                news = await self.do(Session.has_news, IDLE_S)
                await asyncio.sleep(0 if news else TALK_S)
            return await self.do(Session.end_idle, IDLE_S) or news
        except asyncio.CancelledError:
            self._hang_up()  # who listens to nothing but news is not asked to log out
            raise

    async def _can_be_read(self, within_s: float) -> bool:
        loop, said, handle = asyncio.get_running_loop(), asyncio.Event(), self._handle.fileno()
        loop.add_reader(handle, said.set)
        try:
            async with asyncio.timeout(within_s):
                return await said.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(handle)

    async def close(self) -> None:
        """Log out if that is still possible, and hang up."""
        try:
            if self._client is not None and not self._is_over:
                with suppress(ServerTrouble):
                    await self._run(self._client.logout, CLOSE_S)
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        """A thread that talks is done at once, and closes what it talked by."""
        with suppress(OSError):
            self._handle.shutdown(socket.SHUT_RDWR)
        self._handle.close()
        with self._lock:
            self._is_over = True
            if not self._is_busy:
                self._free()

    def _free(self) -> None:
        if self._protocol is not None:
            with suppress(OSError):
                self._protocol.shutdown()

    async def _run(self, act: Callable[[], T], within_s: float) -> T:
        def talk() -> T:
            try:
                return act()
            finally:
                with self._lock:
                    self._is_busy = False
                    if self._is_over:
                        self._free()

        self._is_busy = True
        talking = _THREADS.submit(talk)
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.wrap_future(talking)
        except ServerTrouble:
            self._hang_up()
            raise
        except TimeoutError as error:
            self._hang_up()
            waited = within_s if not str(error) else COMMAND_S
            raise ServerTrouble(f"{self.server.address} was not done after {waited:g} s", "connect") from None
        except _NO_ANSWER as error:
            self._hang_up()
            raise _trouble(self.server, error) from error
        except asyncio.CancelledError:
            self._hang_up()
            raise
        finally:
            if talking.cancelled():  # before a thread was free for it
                self._is_busy = False

    # In a thread

    def _begin(self, connected: socket.socket, context: ssl.SSLContext, credential: Password | Token) -> None:
        host, secure = self.server.host.removesuffix("."), connected
        try:
            connected.settimeout(COMMAND_S)
            if self.server.security == "tls":
                secure = context.wrap_socket(connected, server_hostname=host)
            self._protocol = protocol = Protocol(secure)
        except BaseException:
            connected.close()
            secure.close()
            raise
        protocol.host = host  # what the certificate has to be for
        if self.server.security == "starttls":
            protocol.start_tls(context)
        self.tls, certificate = protocol.secured()
        self.certificate_until = certificate.get("notAfter") if certificate else None
        try:
            protocol.enter(self.server.address, credential)
        except imaplib.IMAP4.abort as error:
            words = protocol.farewell or words_in(error)
            text = f"{self.server.address} ended the conversation at the login: {words}"
            raise ServerTrouble(storable(without_secrets(text, credential)), "login") from None
        self._client = _Client(protocol, host, self.server.port)


class _Client(IMAPClient):
    """IMAPClient for a conversation that has begun."""

    def __init__(self, protocol: Protocol, host: str, port: int) -> None:
        self.protocol = protocol
        self._imap: Any
        super().__init__(host, port, ssl=False, timeout=COMMAND_S)
        self._imap.debug = 0  # it would log all that is said
        self.normalise_times = False  # times keep their zones

    def _create_IMAP4(self) -> Any:
        return self.protocol


def _trouble(server: Server, error: Exception) -> ServerTrouble:
    """One sentence for a person who has to mend the sender's settings."""
    if isinstance(error, ssl.SSLError):
        return ServerTrouble(storable(f"TLS with {server.address} failed: {plain(error)}"), "tls")
    if isinstance(error, OSError):
        return ServerTrouble(storable(f"cannot connect to {server.address}: {plain(error)}"), "connect")
    if isinstance(error, imaplib.IMAP4.error):
        return _broken_off(server, words_in(error))
    text = f"{server.address} answers what is no IMAP ({type(error).__name__})"
    return ServerTrouble(storable(text), "protocol")


def _broken_off(server: Server, words: str) -> ServerTrouble:
    """In the server's words, but for what imaplib quotes of lines that it could not read: they may be of a message."""
    if "socket error" in words:
        return ServerTrouble(f"{server.address} broke the connection off", "connect")
    if "unexpected response" in words:
        return ServerTrouble(f"{server.address} answers what is no IMAP (an unexpected response)", "protocol")
    return ServerTrouble(storable(f"{server.address} says: {words}"), "protocol")
