"""Servers that speak no proper SMTP: whatever they say is kept as it can be, and the worker lives on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from app.db import Pool
from app.domain.senders import for_workers
from tests.support.engine import (
    Owner,
    attempts,
    check_conservation,
    row,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    wait_for,
)
from tests.support.sinkproc import Sink
from worker.connect import Server

ANN = "ann@example.com"
USUAL = {b"EHLO": b"250 strange.test\r\n", b"DATA": b"354 go ahead\r\n"}


@asynccontextmanager
async def strange_server(replies: dict[bytes, bytes]) -> AsyncGenerator[Server]:
    """Answers by command (the greeting's is empty, the message's a dot) with these bytes, else as usual."""
    conversations: set[asyncio.StreamWriter] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.add(writer)
        writer.write(replies.get(b"", b"220 strange.test\r\n"))
        while line := await reader.readline():
            command = line.strip()[:4].upper()
            writer.write(replies.get(command, USUAL.get(command, b"250 2.0.0 ok\r\n")))
            if command == b"DATA" and command not in replies:
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(replies.get(b".", b"250 2.0.0 ok\r\n"))
            elif command == b"QUIT":
                break
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield Server("127.0.0.1", server.sockets[0].getsockname()[1], "none", policy=None)
    finally:
        server.close()
        for writer in conversations:
            writer.close()


async def _send_one(pool: Pool, database_url: str, sink: Sink, owner: Owner, replies: dict[bytes, bytes]) -> int:
    campaign = (await schedule_campaign(pool, owner, [ANN])).campaign.id
    settled = """
        SELECT FROM emails, senders
        WHERE attempts = 1 AND status NOT IN ('SENDING', 'SCHEDULED') OR blocked_until IS NOT NULL
    """  # an email given back comes before the back-off
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(for_workers, "FIRST_BACK_OFF_S", 60.0)  # more than it takes to stop: none tries once more
        async with (
            strange_server(replies) as server,
            running_workers(database_url, settings_for(sink, lanes=1), fallback=server),
        ):
            await wait_for(lambda: rows(pool, settled), "an outcome")
    await check_conservation(pool, campaign)
    return campaign


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        (b"550 5.1.1 Empf\xe4nger unbekannt\r\n", "Empf\N{REPLACEMENT CHARACTER}nger unbekannt"),
        ("550 5.1.1 Empfänger unbekannt\r\n".encode(), "Empfänger unbekannt"),
        (b"550 5.1.1 a\0b\r\n", "a\N{REPLACEMENT CHARACTER}b"),
        (b"550 5.1.1 a\x1b]0;b\x07 \xc2\x9b2J\x7f\r\n", "a\ufffd]0;b\ufffd \ufffd2J\ufffd"),
        (b'550 5.1.1 \\u0000 "quoted" \\\r\n', '\\u0000 "quoted" \\'),
        (b"550-5.1.1 no such\r\n550 5.1.1 user\r\n", "no such\n5.1.1 user"),
    ],
)
async def test_a_reply_in_any_bytes_is_kept_as_text(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, reply: bytes, kept: str
) -> None:
    campaign = await _send_one(pool, database_url, sink, owner, {b"RCPT": reply})

    (attempt,) = await attempts(pool, campaign, ANN)
    assert (attempt["outcome"], attempt["enhanced_code"], attempt["reply"]) == ("REJECTED", "5.1.1", kept)


@pytest.mark.parametrize("at", [b"", b"EHLO", b"MAIL", b"RCPT", b"DATA"])
@pytest.mark.parametrize(
    "nonsense", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xfe\0\0\r\n", b"250 " + b"x" * 99_999]
)
async def test_nonsense_before_the_dot_is_the_servers_trouble(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, at: bytes, nonsense: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.connect.CONNECT_TIMEOUT_S", 0.5)
    monkeypatch.setattr("worker.connect.GREETING_TIMEOUT_S", 0.5)
    monkeypatch.setattr("worker.smtp.TIMEOUTS_S", dict.fromkeys(("MAIL", "RCPT", "DATA", "."), 0.5))
    await _send_one(pool, database_url, sink, owner, {at: nonsense})

    assert (await row(pool, "SELECT status, retry_count FROM emails")) == {"status": "SCHEDULED", "retry_count": 0}
    assert await rows(pool, "SELECT FROM senders WHERE block_reason IS NOT NULL AND blocked_until IS NOT NULL")


@pytest.mark.parametrize(
    "odd", [b"\xe4h?\r\n", b"150 I am looking at it\r\n", b"354 go ahead\r\n", b"650 who knows\r\n"]
)
async def test_nonsense_after_the_dot_leaves_the_email_in_doubt(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, odd: bytes
) -> None:
    campaign = await _send_one(pool, database_url, sink, owner, {b".": odd})

    (attempt,) = await attempts(pool, campaign, ANN)
    assert attempt["outcome"] == "UNKNOWN"
    assert await rows(pool, "SELECT FROM emails WHERE status = 'UNKNOWN'")


async def test_a_greeting_in_any_bytes_is_shown_as_the_senders_trouble(
    pool: Pool, database_url: str, sink: Sink, owner: Owner
) -> None:
    await _send_one(pool, database_url, sink, owner, {b"": b"554 gesch\xfctzt\0\r\n"})

    assert "gesch\N{REPLACEMENT CHARACTER}tzt" in (await row(pool, "SELECT block_reason FROM senders"))["block_reason"]
