"""One SMTP conversation with a sender's server, on a connection that is logged in.

MAIL, RCPT and DATA may go out together where the server offers PIPELINING (RFC 2920), which saves two of four round
trips; the message goes out only after all three were answered. `worker.connect` makes the connection, and
`worker.verdicts` says what a reply means.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from contextlib import suppress

from app.domain.operations import host_policy
from app.domain.operations.host_policy import Lookup
from app.mail.message import Message
from worker.connect import Connection, Server, connect
from worker.verdicts import NO_SMTPUTF8, Command, Verdict, classify, classify_loss
from worker.wire import Reply, WireError

QUIT_TIMEOUT_S = 2.0
# How long to wait for the reply to each. After the dot as RFC 5321 (section 4.5.3.2) has it, since giving up leaves the
# email in doubt; MAIL and RCPT cost nothing, and a submission server that needs more than a minute for one is stuck.
TIMEOUTS_S: dict[Command, float] = {"MAIL": 60.0, "RCPT": 60.0, "DATA": 120.0, ".": 600.0}

_LEADING_DOT = re.compile(rb"^\.", re.M)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

ENVELOPE: tuple[Command, ...] = ("MAIL", "RCPT", "DATA")  # what goes before the message


class Conversation:
    """A connection, logged in, that messages are handed over on one after the other."""

    def __init__(self, connection: Connection, server: Server) -> None:
        self._wire = connection.wire
        self._smtputf8 = connection.smtputf8
        self._eightbitmime = connection.eightbitmime
        self._pipelining = connection.pipelining
        self._most_messages = connection.most_messages
        self.secured = connection.secured
        self._deadline = _Deadline(self._wire.close)  # which ends the wait for a reply
        self._command: Command = "MAIL"  # the mail transaction has come to this one
        self._unanswered = 0  # commands that went out behind a refused one
        self.server = server
        self.delivered = 0
        self._tried = 0  # mail transactions on this connection

    @classmethod
    async def open(cls, server: Server, ehlo_name: str, lookup: Lookup = host_policy.look_up) -> Conversation:
        """Connect and log in, as `connect` does. Raises ServerTrouble."""
        return cls(await connect(server, ehlo_name, lookup), server)

    @property
    def connected(self) -> bool:
        return self._wire.is_open

    @property
    def used_up(self) -> bool:
        """Whether the server takes no further message on this connection, as it said it would not."""
        return self._most_messages is not None and self._tried >= self._most_messages

    @property
    def command(self) -> Command:
        """How far the latest message came: `.` once it may have been accepted."""
        return self._command

    async def deliver(self, envelope_from: str, message: Message) -> Verdict:
        """Hand one message over. Never raises for what the server does; after any loss `connected` is False.

        RFC 5321, section 3.3; SMTPUTF8 as in RFC 6531, BODY=8BITMIME as in RFC 6152, PIPELINING as in RFC 2920.
        """
        self._command = "MAIL"
        if message.smtputf8 and not self._smtputf8:
            return NO_SMTPUTF8
        envelope = self._envelope(envelope_from, message)
        try:
            code, text = await self._transact(envelope, message.content)
        except WireError as error:
            self._wire.close()
            reason = f"no reply within {TIMEOUTS_S[self._command]:g} s" if self._deadline.passed else str(error)
            return classify_loss(self._command, reason, delivered=self.delivered)
        except asyncio.CancelledError:
            self._wire.close()  # its stream is out of step
            raise
        finally:
            self._deadline.lift()
        verdict = classify(self._command, code, text, delivered=self.delivered, tried=self._tried)
        self._tried += 1
        if verdict.kind == "ACCEPTED":
            self.delivered += 1
        elif verdict.fault == "email":
            await self._start_over()
        elif self._unanswered:
            self._wire.close()  # it might take QUIT for the message
        return verdict

    def _envelope(self, envelope_from: str, message: Message) -> list[bytes]:
        """The lines of `ENVELOPE`. Raises ValueError."""
        options, encoding = "", "ascii"
        if message.smtputf8:
            options, encoding = (" SMTPUTF8 BODY=8BITMIME" if self._eightbitmime else " SMTPUTF8"), "utf-8"
        return [
            _line(f"MAIL FROM:<{envelope_from}>{options}", encoding),
            _line(f"RCPT TO:<{message.envelope_to}>", encoding),
            b"DATA\r\n",
        ]

    async def _transact(self, envelope: list[bytes], content: bytes) -> Reply:
        """One mail transaction up to the reply that decides it, which is the one to `_command`. Raises WireError."""
        wire, deadline = self._wire, self._deadline
        self._unanswered = 0
        wire.begin()
        if self._pipelining:
            wire.send(b"".join(envelope))
        for number, command in enumerate(ENVELOPE):
            self._command = command
            if not self._pipelining:
                wire.begin()
                wire.send(envelope[number])
            deadline.set(TIMEOUTS_S[command])
            reply = await wire.reply()
            if not (reply.code == 354 if command == "DATA" else 200 <= reply.code < 300):
                if self._pipelining:
                    self._unanswered = len(envelope) - number - 1
                return reply
        # A write that fails has sent nothing: not yet in doubt.
        wire.begin()
        wire.send(_stuffed(content))
        self._command = "."
        deadline.set(TIMEOUTS_S["."])
        return await wire.reply()

    async def _start_over(self) -> None:
        """Leave the mail transaction that the server refused, so that the next MAIL begins a new one."""
        try:
            for _ in range(self._unanswered):
                self._deadline.set(TIMEOUTS_S["DATA"])
                code, _ = await self._wire.reply()
                if code == 354:
                    # It refused the recipient and wants the message all the same. An empty one, as RFC 2920 has it,
                    # could reach somebody.
                    raise WireError("DATA was accepted without a recipient")
            if self._command in {"RCPT", "DATA"}:
                self._wire.begin()
                self._wire.send(b"RSET\r\n")
                self._deadline.set(TIMEOUTS_S["MAIL"])
                await self._wire.reply()
        except WireError:
            self._wire.close()
        except asyncio.CancelledError:
            self._wire.close()
            raise
        finally:
            self._deadline.lift()

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
            self._deadline.cancel()


class _Deadline:
    """By when a reply has to be there; `expired` is called when it is not.

    One timer a connection, set anew only when it fires: most replies come at once, and four timers a message would
    cost more than the rest of the waiting.
    """

    def __init__(self, expired: Callable[[], None]) -> None:
        self._expired = expired
        self._loop = asyncio.get_running_loop()  # asked for once: that is a system call in Python 3.11
        self._at: float | None = None  # by the loop's clock; None: no lane waits
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self.passed = False

    def set(self, within_s: float) -> None:
        self._at = at = self._loop.time() + within_s
        if at < self._timer_at:
            self._set_timer(at)

    def lift(self) -> None:
        """The lane waits no more."""
        self._at = None

    def cancel(self) -> None:
        """There will be nothing more to wait for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._timer_at = None, math.inf

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = self._loop.call_at(at, self._check), at

    def _check(self) -> None:
        self._timer, self._timer_at = None, math.inf
        if self._at is None:
            return
        if self._loop.time() < self._at:
            self._set_timer(self._at)
        else:
            self.passed = True
            self._expired()


def _line(command: str, encoding: str) -> bytes:
    """A command's line. Raises ValueError for what would be two, and for what needs SMTPUTF8 without it."""
    if _CONTROL.search(command):
        raise ValueError("an address has a control character")
    return command.encode(encoding) + b"\r\n"


def _stuffed(content: bytes) -> bytes:
    """The message as DATA sends it: leading dots doubled, and the final dot (RFC 5321, section 4.5.2)."""
    if content.startswith(b".") or b"\n." in content:
        content = _LEADING_DOT.sub(b"..", content)
    return content + b".\r\n" if content.endswith(b"\r\n") else content + b"\r\n.\r\n"
