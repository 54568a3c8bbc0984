"""Bytes that are no request yet, and bodies that do not come: over raw sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.http import bodies, connections
from app.http.connections import MOST_HEAD, BoundedHeads
from app.settings import Settings
from tests.support.api import Headers, Server, authorization, listening, serve
from tests.support.waiting import BOUND_S


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def said(port: int, *pieces: bytes) -> bytes:
    """All that is answered to the pieces, until the server closes the connection."""
    async with connected(port) as (reader, writer):
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await asyncio.wait_for(reader.read(), BOUND_S)
        except ConnectionError:  # closed while we were still writing: what was answered may be lost with it
            return b""


@pytest.fixture
async def port(settings: Settings, database_url: str, user: User) -> AsyncIterator[int]:
    """The API on a port, as its command serves it, but soon tired of a connection without requests."""
    async with listening(settings, database_url, http=BoundedHeads, timeout_keep_alive=1) as base_url:
        yield int(base_url.rpartition(":")[2])


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    async with serve(database_url, tmp_path) as server:
        yield server


END = b"\r\nConnection: close\r\n\r\n"
JSON_BODY = b"\r\nContent-Type: application/json\r\n\r\n{"
LOGIN = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
)


async def test_heads_end_at_64_kb_as_the_command_serves_them(server: Server) -> None:
    port = int(server.base_url.rpartition(":")[2])
    fits = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "
    filled = fits + b"x" * (MOST_HEAD - len(fits) - len(END)) + END
    assert (await said(port, filled)).startswith(b"HTTP/1.1 200 ")
    for head in (
        filled.replace(b"X: ", b"X: x"),  # one byte more
        b"GET /healthz?" + b"x" * MOST_HEAD + b" HTTP/1.1\r\nHost: localhost" + END,
        b"GET /healthz HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + END,
    ):
        answer = await said(port, head)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431 "), answer[:100]
    async with connected(port) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nX: ".ljust(MOST_HEAD, b"x"))
        writer.write(b"x")
        answer = await asyncio.wait_for(reader.read(), BOUND_S)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answer


async def test_a_head_without_end_is_not_kept(server: Server) -> None:
    """150 MB of one header were 160 MB of memory, and the loop stood still for eight seconds."""
    port = int(server.base_url.rpartition(":")[2])

    def peak_mb() -> int:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    before = peak_mb()
    chunked = b"POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    for beginning in (b"GET /healthz HTTP/1.1\r\nX: ", b"GET /", chunked + b"1;", chunked + b"0\r\nX: "):
        await said(port, beginning, *[b"x" * 1_000_000] * 30)
    assert peak_mb() - before < 15


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HT",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
        LOGIN,
        LOGIN + b"{",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n",
    ],
)
async def test_what_stands_still_is_dropped(port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PAUSE_S", 0.3)
    if b"\r\n\r\n" not in sent:  # a head that is whole has to be in time
        monkeypatch.setattr(connections, "HEAD_S", 0.3)
    answer = await asyncio.wait_for(said(port, sent), BOUND_S)
    if b"login" in sent:
        assert answer.startswith(b"HTTP/1.1 408 ")
    assert answer.count(b"HTTP/1.1 200") == (sent.count(b"GET") > 0 and b"\r\n\r\n" in sent)


async def test_a_campaign_that_stands_still_is_dropped_and_its_turn_is_free(
    port: int, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PAUSE_S", 0.3)
    key = (await authorization(pool, user))["Authorization"].encode()
    head = b"POST /api/campaigns/%b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\nAuthorization: " + key
    json = head % b"schedule" + b"\r\nContent-Type: application/json\r\n\r\n{"
    form = head % b"preview" + b"\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
    answers = await asyncio.gather(*(said(port, request) for request in (json, form, json, form)))
    assert [answer.partition(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 408 Request Timeout"] * 4


async def test_strangers_send_16_kb_and_others_a_megabyte(port: int, pool: Pool, user: User) -> None:
    key = (await authorization(pool, user))["Authorization"].encode()
    public = [b"login", b"register", b"invitation", b"reset", b"reset/confirm"]
    for path, size in [*((b"auth/" + path, 16_001) for path in public), (b"senders", 1_000_001), (b"keys", 1_000_001)]:
        head = b"POST /api/%b HTTP/1.1\r\nHost: localhost\r\nAuthorization: %b\r\nContent-Type: application/json" % (
            path,
            key,
        )
        announced = await said(port, head + b"\r\nContent-Length: %d" % size + END)
        assert announced.startswith(b"HTTP/1.1 413 "), (path, announced[:200])
        chunk = b"%x\r\n%b\r\n" % (size, b" " * size)
        sent = await said(port, head + b"\r\nTransfer-Encoding: chunked" + END, chunk, b"0\r\n\r\n")
        assert sent == b"" or sent.startswith(b"HTTP/1.1 413 "), (path, sent[:200])


async def test_a_body_whose_sender_goes_away_is_no_error_of_ours(
    port: int, capsys: pytest.CaptureFixture[str], pool: Pool, user: User
) -> None:
    """Anybody wrote a traceback into our log with it."""
    async with connected(port) as (_, writer):
        writer.write(LOGIN + b"{")
        await writer.drain()
    key = (await authorization(pool, user))["Authorization"].encode()
    asked = b"GET /api/campaigns HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + key + END
    assert (await said(port, asked)).startswith(b"HTTP/1.1 200 ")
    assert "failed" not in "".join(capsys.readouterr())


async def test_files_do_not_wait_for_bodies_that_come_slowly(
    port: int, pool: Pool, user: User, stranger: Headers
) -> None:
    """Those are in memory, so there are three at once; a file is not."""
    mine = (await authorization(pool, user))["Authorization"].encode()
    theirs = stranger["Authorization"].encode()
    head = b"POST /api/campaigns/schedule HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\nAuthorization: "
    slow = [asyncio.create_task(said(port, head + key + JSON_BODY)) for key in (mine, mine, theirs)]
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail\n%b\r\n--b--\r\n'
    body = file % (b"a@example.com\n" * 100_000)
    form = b"POST /api/lists HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nAuthorization: %b" % (len(body), mine)
    form += b"\r\nContent-Type: multipart/form-data; boundary=b\r\nConnection: close\r\n\r\n" + body
    answer = await said(port, form)
    assert answer.startswith(b"HTTP/1.1 201 "), answer[:300]
    assert not any(task.done() for task in slow)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
