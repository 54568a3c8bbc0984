"""Connections: what a stranger may send before there is a request that a handler could refuse.

httptools sets no limit of its own. It holds whatever is no body until it is whole: one header of any length, any number
of them, an address, trailers. Nor does it limit how many connections wait, of which it could take no more then.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.http.crowd import Crowd

MOST_HEAD = 64_000  # bytes of request line and headers together, or of anything else that is no body
HEAD_S = 30.0  # from the connection, or from the first byte of a further request, to the end of its headers
_TOO_LARGE = (
    b'{"type":"about:blank","title":"Request Header Fields Too Large","status":431,'
    b'"detail":"the address and the headers have more than %d bytes"}' % MOST_HEAD
)
_HEAD_OF_IT = b"content-type: application/problem+json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"


class BoundedHeads(HttpToolsProtocol):
    """Answers 431 to a head that is too long, and closes a connection on which none comes."""

    _crowd: ClassVar = Crowd()
    _no_body = 0  # bytes since the last of a body, or since the head was whole
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # pyright: ignore[reportArgumentType] -- a server's is a Transport
        self._expect_head()
        self._crowd.listen_to(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.forget(self.transport)
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser no more than is allowed until it has found something to go on with."""
        if self._deadline is None and self.cycle.response_complete:
            self._expect_head()
        self._crowd.listen_to(self.transport)
        at = 0
        while at < len(data) and not self.transport.is_closing():
            room = MOST_HEAD - self._no_body
            if not room:
                self._refuse()
                return
            piece = data[at : at + room]
            at += len(piece)
            self._no_body += len(piece)
            super().data_received(piece)
        if self.flow.read_paused:  # more than we take at present
            self._crowd.forget(self.transport)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._no_body = 0
        self._expect_nothing()

    def on_body(self, body: bytes) -> None:
        self._no_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._no_body = 0
        if not self.cycle.response_complete:
            self._crowd.forget(self.transport)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # or another request has come already
            self._crowd.listen_to(self.transport)

    def _expect_head(self) -> None:
        self._expect_nothing()
        self._deadline = self.loop.call_later(HEAD_S, self.transport.close)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self) -> None:
        """uvicorn's own answer to what is no request has another status. Where an answer has begun, as it may before
        the trailers have come, the connection just ends.
        """
        answering = cast("RequestResponseCycle | None", self.cycle)
        if answering is None or answering.response_complete or not answering.response_started:
            self.transport.write(STATUS_LINE[431] + _HEAD_OF_IT % len(_TOO_LARGE) + _TOO_LARGE)
        self.transport.close()
