"""A receiver of webhooks on a real socket: answers as its script says, and keeps what it was told."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
from standardwebhooks import Webhook as Verifier

OK = "HTTP/1.1 204 No Content\r\n\r\n"


def answer(status: int, body: str = "", *headers: str) -> str:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines) + "\r\n\r\n" + body


class Told(NamedTuple):
    """One request."""

    headers: dict[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        return msgspec.json.decode(self.body)

    def verify(self, secret: str) -> dict[str, Any]:
        """As a receiver should. Raises WebhookVerificationError."""
        return Verifier(secret).verify(self.body, self.headers)


class Receiver:
    """`script` holds the answers to come, in order; then all is well. `hang` never answers, `drip` does so by bytes,
    `flood` without an end.
    """

    def __init__(self) -> None:
        self.script: list[str] = []
        self.told: list[Told] = []
        self.connections = 0
        self.port = 0

    @property
    def events(self) -> list[str]:
        return [told.event["type"] for told in self.told]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
                body = await reader.readexactly(int(headers["content-length"]))
                self.told.append(Told(headers, body))
                await self._answer(writer, self.script.pop(0) if self.script else OK)
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, what: str) -> None:
        if what == "hang":
            await asyncio.Event().wait()
        elif what == "drip":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while True:
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.02)
        elif what == "flood":
            writer.write(b"HTTP/1.1 500 Oh\r\n\r\n")
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        else:
            writer.write(what.encode())
            await writer.drain()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncGenerator[Receiver]:
    """A receiver at a port of loopback."""
    receiver = Receiver()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        try:
            await receiver.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
