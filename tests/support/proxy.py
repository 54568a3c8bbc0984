"""A proxy between workers and Postgres, which can be broken or moved."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Stands between workers and Postgres: forwards all, or no answers; breaks connections off; takes no new ones."""

    def __init__(self, database_url: str) -> None:
        self.point_to(database_url)
        self._wires: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.answers = True
        self.open = True

    def point_to(self, database_url: str) -> None:
        """New connections lead there, as when an address moves to another machine."""
        self._target = urlsplit(database_url)

    async def start(self) -> str:
        """The URL by which Postgres is reached through here."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        credentials = self._target.netloc.rpartition("@")[0]
        return urlunsplit(self._target._replace(netloc=f"{credentials}@127.0.0.1:{port}"))

    async def stop(self) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        """Break off all connections there are; new ones are forwarded as usual."""
        for wire in self._wires:
            for end in wire:
                end.transport.abort()
        self._wires.clear()
        self.answers = True

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        self._wires.add((writer, back))
        for source, sink, is_answer in ((reader, back, False), (there, writer, True)):
            pump = asyncio.create_task(self._pump(source, sink, is_answer=is_answer))
            self._pumps.add(pump)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool) -> None:
        with suppress(OSError):
            while chunk := await source.read(65536):
                if self.answers or not is_answer:
                    sink.write(chunk)
                    await sink.drain()
        sink.close()
