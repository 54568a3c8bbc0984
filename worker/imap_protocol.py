"""The bytes of an IMAP conversation: STARTTLS, the login, and no more from the server than was asked for."""

from __future__ import annotations

import imaplib
import socket
import ssl
from collections.abc import Mapping
from io import BufferedReader
from typing import Any, cast

from worker.auth import LoginRefused, Password, Token, by_token, may_be_of_bearer, without_secrets, words_of
from worker.verdicts import ServerTrouble, storable

MOST_BYTES = 20 * 1024 * 1024  # that a server may answer to what is asked of it at once, or by one allowance
MOST_LINES = 100_000
MOST_LITERAL = 512 * 1024  # bytes


class Allowance:
    """The bytes and lines that a server may still answer, held below the library, which would keep all of them."""

    def __init__(self, count: int = MOST_BYTES, lines: int = MOST_LINES) -> None:
        self.left = count
        self.lines = lines

    def take(self, count: int, lines: int = 0) -> bool:
        """Whether that much was allowed."""
        self.left -= count
        self.lines -= lines
        return self.left >= 0 and self.lines >= 0


class Protocol(imaplib.IMAP4):
    """On a socket that is connected, and reading no more than it is allowed."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected
        self._allowance = Allowance()
        self._timeout_s = connected.gettimeout()
        self._idle_tag: Any = None
        super().__init__()

    def allow(self, allowance: Allowance) -> None:
        self._allowance = allowance

    def list_with(self, wanted: str, options: str) -> list[Any]:
        """Responses of one kind that come with a list of all folders (RFC 5258)."""
        outcome, told = self._simple_command("LIST", '""', '"*"', "RETURN", options)
        if outcome != "OK":
            raise self.error(words_in(self.error(*told)))
        self.untagged_responses.pop("LIST", None)
        parts: list[Any] = list(self.untagged_responses.pop(wanted, []))
        return [part for part in parts if part is not None]

    # IDLE (RFC 2177)

    def begin_idle(self) -> None:
        """From now on the server says by itself what comes into the folder that is open."""
        self.untagged_responses.pop("EXISTS", None)
        self._idle_tag = self._command("IDLE")
        while self._get_response() is not None:  # None: it waits
            if self.tagged_commands[self._idle_tag] is not None:
                raise self.error("it does not tell what comes (IDLE)")
            self._check_bye()

    def has_news(self) -> bool:
        """Whether it has said that something came; waits for nothing."""
        while self._has_said_more():
            self._get_response()
            self._check_bye()
        return bool(self.untagged_responses.pop("EXISTS", None))

    def end_idle(self) -> bool:
        """Whether it has said so meanwhile."""
        self.send(b"DONE\r\n")
        self._get_tagged_response(self._idle_tag)
        return bool(self.untagged_responses.pop("EXISTS", None))

    def _has_said_more(self) -> bool:
        """TLS and what buffers it may hold more than the socket shows."""
        self.sock.settimeout(0)
        try:
            begun = cast(BufferedReader, self.file).peek(1)
        except ssl.SSLWantReadError:
            return False
        finally:
            self.sock.settimeout(self._timeout_s)
        if not begun:
            raise self.abort("socket error: EOF")
        return True

    def secured(self) -> tuple[str | None, Mapping[str, Any] | None]:
        """The version of TLS, and the server's certificate."""
        secure = self.sock
        return (secure.version(), secure.getpeercert()) if isinstance(secure, ssl.SSLSocket) else (None, None)

    @property
    def farewell(self) -> str | None:
        """The server's words as it hung up."""
        said = self.untagged_responses.get("BYE")
        return said[-1].decode("utf-8", "replace") if said and isinstance(said[-1], bytes) else None

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        return self._connected

    def read(self, size: int) -> bytes:
        self._take(size, is_literal=True)
        return super().read(size)

    def readline(self) -> bytes:
        line = super().readline()
        self._take(len(line))
        return line

    def _take(self, count: int, *, is_literal: bool = False) -> None:
        allowed = self._allowance.take(count, 0 if is_literal else 1)
        if not allowed or (is_literal and count > MOST_LITERAL):
            raise self.abort("it answers with more than anybody asked for")

    def start_tls(self, context: ssl.SSLContext) -> None:
        """STARTTLS; what came before it, and whoever may have said it, counts no more (RFC 3501, section 6.2.1)."""
        if self.state != "NONAUTH":
            raise self.abort("it says that we are logged in before anything is secret")
        self.starttls(context)
        self.untagged_responses.clear()

    def enter(self, address: str, credential: Password | Token) -> None:
        """Log in: one try. Raises ServerTrouble."""
        offered = {word.removeprefix("AUTH=").lower() for word in self.capabilities if word.startswith("AUTH=")}
        says: list[str] = []
        try:
            if isinstance(credential, Token):
                self._by_token(address, offered, credential, says)
            else:
                self._by_password(address, offered, credential)
        except self.abort:
            raise
        except self.error as error:
            text = f"{address} refused the login: {words_in(error)}{''.join(says)}"
            text = storable(without_secrets(text, credential))
            raise LoginRefused(text, None, of_bearer=may_be_of_bearer(text)) from None

    def _by_token(self, address: str, offered: set[str], credential: Token, says: list[str]) -> None:
        by = by_token(address, offered, credential)
        answers = [by.first]

        def answer(challenge: bytes) -> bytes:
            if challenge:
                says.append(words_of(challenge))
            return answers.pop() if answers else by.understood

        self.authenticate(by.mechanism, answer)

    def _by_password(self, address: str, offered: set[str], credential: Password) -> None:
        username, password = credential.username, credential.password
        if "plain" in offered:  # RFC 4616
            self.authenticate("PLAIN", lambda _: f"\0{username}\0{password}".encode())
        elif "LOGINDISABLED" in self.capabilities:
            raise ServerTrouble(f"{address} takes no password by any way that is known here", "login")
        elif not (username + password).isascii():
            # RFC 3501 lets LOGIN say nothing else, and what servers make of it differs.
            raise ServerTrouble(f"{address} takes passwords of ASCII characters alone", "login")
        else:
            quoted = username.replace("\\", "\\\\").replace('"', '\\"')
            self.login(f'"{quoted}"', password)  # which quotes the password alone


def words_in(error: Exception) -> str:
    """imaplib has them as bytes or text."""
    first = error.args[0] if error.args else error
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
