"""The bytes of an SMTP conversation that is open and logged in: lines out, replies in (RFC 5321, section 4.2).

aiosmtplib makes the connection and hands it over. It knows no pipelining (RFC 2920): of replies that come together it
drops all but the first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from app.plain_errors import plain

LONGEST_LINE = 8_192
LONGEST_REPLY = 4 * LONGEST_LINE
MOST_REPLIES = 8  # that answer no command of ours yet
AT_ONCE = 64 * 1024  # bytes of a long message that may wait for the network, beside what is being written


class Reply(NamedTuple):
    """A reply's code and its text, lines joined by LF; bytes that are not UTF-8 as lone surrogates."""

    code: int
    text: str


class WireError(Exception):
    """The connection is lost, or what came is no SMTP; either way it is of no further use."""


class Wire(asyncio.Protocol):
    """One end of a connection. A reply that comes unasked is dropped by the next `begin`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._text: list[bytes] = []  # of the reply that is coming in
        self._length = 0
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[Reply] | None = None
        self._full = False  # too much waits for the network
        self._drained: asyncio.Future[None] | None = None
        self._end: str | None = None  # a reason: an exception kept would keep the frames it was raised in
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        return self._end is None and not self._transport.is_closing()

    def begin(self) -> None:
        """From here on replies belong to what is sent from here on."""
        self._replies.clear()

    def send(self, data: bytes | memoryview) -> None:
        """Raises WireError when it is certain that nothing was sent."""
        if not self.is_open:
            raise WireError(self._end or "the connection is closed")
        self._transport.write(data)

    @property
    def unsent(self) -> int:
        """Bytes that wait for the network."""
        return self._transport.get_write_buffer_size()

    @property
    def answered(self) -> bool:
        """Whether a reply has come that nobody has waited for yet."""
        return bool(self._replies)

    async def pour(self, data: bytes) -> None:
        """Send as much as a connection takes at a time, and wait until it takes more; ends early where an answer comes.

        Raises WireError.
        """
        self._transport.set_write_buffer_limits(high=AT_ONCE)
        view = memoryview(data)
        for start in range(0, len(view), AT_ONCE):
            if self._replies:
                return
            self.send(view[start : start + AT_ONCE])
            if self._full:
                self._drained = self._loop.create_future()
                try:
                    await self._drained
                finally:
                    self._drained = None

    async def reply(self) -> Reply:
        """The next reply. Raises WireError."""
        if self._replies:
            return self._replies.popleft()
        if self._end is not None:
            raise WireError(self._end)
        self._waiter = self._loop.create_future()
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def close(self) -> None:
        """Hang up at once; what was not sent yet is not sent any more."""
        self._transport.abort()

    # Called by the event loop

    def data_received(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._buffer) > LONGEST_LINE:
            self._fail("a reply has a line without an end")

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def eof_received(self) -> None:
        self._fail("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {plain(exc)}" if exc else "the server closed the connection")

    def _take(self, line: bytes) -> None:
        if self._end is not None:
            return
        code = line[:3]
        if not code.isdigit() or len(code) < 3:
            self._fail(f"not an SMTP reply: {line[:200].decode(errors='replace').strip()}")
            return
        self._text.append(line[4:].strip(b" \t\r"))
        self._length += len(line)
        if self._length > LONGEST_REPLY:
            self._fail("a reply without an end")
        elif line[3:4] != b"-":
            reply = Reply(int(code), b"\n".join(self._text).decode("utf-8", "surrogateescape"))
            self._text, self._length = [], 0
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(reply)
            elif len(self._replies) < MOST_REPLIES:
                self._replies.append(reply)
            else:
                self._fail("replies to no command")

    def _fail(self, reason: str) -> None:
        if self._end is not None:
            return
        self._end = reason
        self._transport.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(WireError(reason))
        if self._drained is not None and not self._drained.done():
            self._drained.set_exception(WireError(reason))
