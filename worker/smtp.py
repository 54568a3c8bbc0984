"""One SMTP conversation with a sender's server, on a connection that is logged in.

MAIL, RCPT and DATA may go out together where the server offers PIPELINING (RFC 2920), which saves two of four round
trips; the message goes out only after all three were answered. `worker.connect` makes the connection, and
`worker.verdicts` says what a reply means.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress

from app.domain.operations import host_policy
from app.domain.operations.host_policy import Lookup
from app.mail.enclosed import Enclosed
from app.mail.message import Message
from worker.connect import Connection, Server, connect
from worker.verdicts import NO_SMTPUTF8, Command, Verdict, classify, classify_loss, storable, too_large
from worker.wire import Reply, WireError

QUIT_TIMEOUT_S = 2.0
# How long to wait for the reply to each. After the dot as RFC 5321 (section 4.5.3.2) has it, since giving up leaves the
# email in doubt; MAIL and RCPT cost nothing, and a submission server that needs more than a minute for one is stuck.
TIMEOUTS_S: dict[Command, float] = {"MAIL": 60.0, "RCPT": 60.0, "DATA": 120.0, ".": 600.0}

SENDING_S, SLOWEST = 180.0, 20_000  # how long a message with files may take, and a second more for so many bytes

_LEADING_DOT = re.compile(rb"^\.", re.M)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

ENVELOPE: tuple[Command, ...] = ("MAIL", "RCPT", "DATA")  # what goes before the message
MAIN = 1  # of these, by its number: the recipient that decides
_LONGEST_REFUSAL = 300  # characters of what is said of a copy
_CLOSING = 421  # "closing transmission channel" (RFC 5321, section 4.2.2)

Read = Callable[[Enclosed, int], Awaitable[bytes]]  # a piece of a file, as it is sent


async def _no_files(file: Enclosed, number: int) -> bytes:
    raise ValueError(f"nobody reads piece {number} of file {file.id}")


class Conversation:
    """A connection, logged in, that messages are handed over on one after the other."""

    def __init__(self, connection: Connection, server: Server) -> None:
        self._wire = connection.wire
        self._smtputf8 = connection.smtputf8
        self._eightbitmime = connection.eightbitmime
        self._pipelining = connection.pipelining
        self._most_messages = connection.most_messages
        self._says_size = connection.says_size
        self._most_bytes = connection.most_bytes
        self.secured = connection.secured
        self._deadline = _Deadline(self._wire.close)  # which ends the wait for a reply
        self._command: Command = "MAIL"  # the mail transaction has come to this one
        self._unanswered = 0  # commands that went out behind a refused one
        self._refused: list[str] = []  # who gets no copy, and why
        self._copy: str | None = None  # to whom, while the reply to this RCPT is waited for
        self._within_s = 0.0  # how long it may take, whatever is waited for
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

    @property
    def unsent(self) -> int:
        """Bytes that wait for the network."""
        return self._wire.unsent

    async def deliver(self, envelope_from: str, message: Message, read: Read = _no_files) -> Verdict:
        """Hand one message over, of whose files `read` reads piece after piece. Never raises for what the server does;
        after any loss `connected` is False. The fate of copies changes no verdict: it stands behind the reply.

        RFC 5321, section 3.3; SMTPUTF8 as in RFC 6531, BODY=8BITMIME as in RFC 6152, PIPELINING as in RFC 2920, SIZE as
        in RFC 1870.
        """
        self._command = "MAIL"
        if message.smtputf8 and not self._smtputf8:
            return NO_SMTPUTF8
        if self._most_bytes is not None and message.size > self._most_bytes:
            return too_large(message.size, self._most_bytes)
        envelope = self._envelope(envelope_from, message)
        try:
            code, text = await self._transact(envelope, message, read)
        except WireError as error:
            self._wire.close()
            reason = f"no reply within {self._within_s:g} s" if self._deadline.passed else str(error)
            if self._copy is None:
                return classify_loss(self._command, reason, delivered=self.delivered)
            # The server had taken the sender and the recipient.
            verdict = classify_loss(self._command, f"{reason}, at the copy to {self._copy}", delivered=1)
            return verdict._replace(lost_copy=self._copy)
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
        if verdict.dead and len(message.copies) > len(self._refused) and verdict.command != "RCPT":
            verdict = verdict._replace(dead=False)  # it may be about one that gets a copy
        if self._refused:
            verdict = verdict._replace(text=storable("\n".join([verdict.text, *self._refused])))
        return verdict

    def _envelope(self, envelope_from: str, message: Message) -> list[bytes]:
        """The lines of `ENVELOPE`, and before the last one for each copy. Raises ValueError."""
        options, encoding = "", "ascii"
        if message.smtputf8:
            options, encoding = (" SMTPUTF8 BODY=8BITMIME" if self._eightbitmime else " SMTPUTF8"), "utf-8"
        if self._says_size:
            options += f" SIZE={message.size}"
        return [
            _line(f"MAIL FROM:<{envelope_from}>{options}", encoding),
            _line(f"RCPT TO:<{message.envelope_to}>", encoding),
            *(_line(f"RCPT TO:<{copy}>", encoding) for copy in message.copies),
            b"DATA\r\n",
        ]

    async def _transact(self, envelope: list[bytes], message: Message, read: Read) -> Reply:
        """One mail transaction up to the reply that decides it, which is the one to `_command`. Raises WireError."""
        wire = self._wire
        self._unanswered, self._refused, self._copy = 0, [], None
        commands = ENVELOPE
        if message.copies:
            commands = (*ENVELOPE[:-1], *ENVELOPE[MAIN:-1] * len(message.copies), ENVELOPE[-1])
        # With copies not DATA, which a server would answer by asking for the message if it took one of them alone.
        together = 0 if not self._pipelining else len(commands) - (1 if message.copies else 0)
        wire.begin()
        if together:
            wire.send(b"".join(envelope[:together]))
        for number, command in enumerate(commands):
            self._command = command
            self._copy = message.copies[number - MAIN - 1] if MAIN < number < len(commands) - 1 else None
            if number >= together:
                wire.begin()
                wire.send(envelope[number])
            self._wait(TIMEOUTS_S[command])
            reply = await wire.reply()
            if reply.code == 354 if command == "DATA" else 200 <= reply.code < 300:
                continue
            if self._copy is not None:
                if reply.code == _CLOSING:
                    raise WireError(f"{reply.code} {reply.text}")
                self._refused.append(f"No copy to {self._copy}: {reply.code} {reply.text}"[:_LONGEST_REFUSAL])
                continue
            self._unanswered = max(together - number - 1, 0)
            return reply
        # A write that fails has sent nothing: not yet in doubt.
        wire.begin()
        if not message.rest:
            wire.send(_stuffed(message.content) + _END)
        elif early := await self._pour(message, read):
            return early
        self._command = "."
        self._wait(TIMEOUTS_S["."])
        return await wire.reply()

    async def _pour(self, message: Message, read: Read) -> Reply | None:
        """Send a message with files piece by piece, its end included; a server that refuses it before that has said
        all there is to say. Raises WireError.
        """
        wire = self._wire
        self._wait(SENDING_S + message.size / SLOWEST)
        try:
            await wire.pour(_stuffed(message.content))
            for segment in message.rest:  # each begins a line
                if isinstance(segment, bytes):
                    await wire.pour(_stuffed(segment))
                    continue
                for number in range(segment.pieces):
                    await wire.pour(await read(segment, number))
                    if wire.answered:
                        break
        except WireError:
            if not wire.answered:
                raise
        if not wire.answered:
            wire.send(_END)
            return None
        reply = await wire.reply()
        wire.close()  # in the middle of a message
        if not 400 <= reply.code < 600:
            raise WireError(f"an answer before the message's end: {reply.code} {reply.text}")
        return reply

    def _wait(self, within_s: float) -> None:
        self._within_s = within_s
        self._deadline.set(within_s)

    async def _start_over(self) -> None:
        """Leave the mail transaction that the server refused, so that the next MAIL begins a new one."""
        try:
            for _ in range(self._unanswered):
                self._wait(TIMEOUTS_S["DATA"])
                code, _ = await self._wire.reply()
                if code == 354:
                    # It refused the recipient and wants the message all the same. An empty one, as RFC 2920 has it,
                    # could reach somebody.
                    raise WireError("DATA was accepted without a recipient")
            if self._command in {"RCPT", "DATA"}:
                self._wire.begin()
                self._wire.send(b"RSET\r\n")
                self._wait(TIMEOUTS_S["MAIL"])
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


_END = b".\r\n"  # of DATA


def _stuffed(content: bytes) -> bytes:
    """A message as DATA sends it: leading dots doubled, and a line's end (RFC 5321, section 4.5.2)."""
    if content.startswith(b".") or b"\n." in content:
        content = _LEADING_DOT.sub(b"..", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"
