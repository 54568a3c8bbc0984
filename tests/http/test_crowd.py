"""Connections on which nothing is said, at the API as its command starts it."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from app.http.crowd import ENOUGH_FILES
from tests.support.api import Server, serve
from tests.support.waiting import BOUND_S

FEW_FILES = 100
LOGIN = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
)
WAYS = b"GET /api/auth/ways HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    async with serve(database_url, tmp_path) as server:
        yield server


async def test_it_has_as_many_files_as_it_may(server: Server) -> None:
    soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard or soft >= ENOUGH_FILES


async def test_whoever_opens_connections_and_says_nothing_keeps_nobody_out(
    server: Server, subtests: pytest.Subtests
) -> None:
    """A thousand of them were all that a process had files for: nobody was answered, and the supervisor killed it."""
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (FEW_FILES, FEW_FILES))
    port = int(server.base_url.rpartition(":")[2])
    for said in (b"", b"GET / HT", LOGIN, LOGIN + b"{", WAYS):
        with subtests.test(said.decode()):
            await _crowd(server, port, said)


async def _crowd(server: Server, port: int, said: bytes) -> None:
    async with AsyncExitStack() as stack:
        readers: list[asyncio.StreamReader] = []
        for _ in range(3 * FEW_FILES):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(said)
            if said == WAYS:
                await asyncio.wait_for(reader.readuntil(b"}"), BOUND_S)
            readers.append(reader)
        async with httpx.AsyncClient(base_url=server.base_url, timeout=BOUND_S) as client:
            assert (await client.get("/healthz")).status_code == 200
        for reader in readers[:FEW_FILES]:  # silent longest
            assert await asyncio.wait_for(reader.read(), BOUND_S) is not None
        assert not readers[-1].at_eof()
