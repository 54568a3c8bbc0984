"""The machine's bare figures: what no service on it can exceed, and so the measure for ours.

The client, the disk and COPY are each driven as plainly as can be. Nothing of the service runs here.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

import aiosmtplib
import psycopg
import uvloop

from app.embedded.postgres import EmbeddedPostgres
from bench.registry import Figure, Run, bench
from tests.support.sinkproc import Sink

MESSAGE = (
    b"From: Ann <ann@bench.test>\r\nTo: bob@bench.test\r\nSubject: A constant message\r\n"
    b"Message-ID: <1@bench.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
) + b"The same line again and again, to make a kilobyte as plain mail has it.\r\n" * 11


@bench("client")
def client(run: Run) -> Iterator[Figure]:
    """aiosmtplib alone against the SMTP sink: no queue, no database."""
    for connections, messages in ((5, 10_000), (64, 40_000)):
        with Sink() as sink:
            ours, theirs = time.process_time(), sink.stats()["cpu_s"]
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                took_s = runner.run(_send(sink.port, connections, messages))
            ours, theirs = time.process_time() - ours, sink.stats()["cpu_s"] - theirs
            assert len(sink.accepted()) == messages
            note = f"cores busy: client {ours / took_s:.2f}, sink {theirs / took_s:.2f}"
            yield Figure(f"{connections} connections", messages / took_s, "messages/s", note)


async def _send(port: int, connections: int, messages: int) -> float:
    """Seconds that the messages took, connecting aside."""
    lanes = [
        aiosmtplib.SMTP(hostname="127.0.0.1", port=port, local_hostname="bench.test", use_tls=False, start_tls=False)
        for _ in range(connections)
    ]
    await asyncio.gather(*(lane.connect() for lane in lanes))
    left = iter(range(messages))  # shared: a lane takes the next one when it is done

    async def run(lane: aiosmtplib.SMTP) -> None:
        for _ in left:
            await lane.mail("ann@bench.test")
            await lane.rcpt("bob@bench.test")
            await lane.data(MESSAGE)

    began = time.perf_counter()
    await asyncio.gather(*map(run, lanes))
    took_s = time.perf_counter() - began
    for lane in lanes:
        lane.close()
    return took_s


@bench("disk")
def disk(run: Run) -> Iterator[Figure]:
    """fdatasync of one page: the commits a second that one connection to Postgres can hope for."""
    page, segment = os.urandom(8192), 16 << 20
    fd = os.open(run.directory / "segment", os.O_RDWR | os.O_CREAT)
    try:
        os.write(fd, bytes(segment))  # as Postgres does with its WAL: syncs then need no new blocks
        os.fsync(fd)
        began, syncs = time.perf_counter(), 0
        while (took_s := time.perf_counter() - began) < 2:
            os.pwrite(fd, page, syncs * len(page) % segment)
            os.fdatasync(fd)
            syncs += 1
    finally:
        os.close(fd)
    yield Figure("8 kB written, synced", syncs / took_s, "fdatasync/s", f"{took_s / syncs * 1e6:,.0f} µs each")


@bench("copy")
def copy(run: Run) -> Iterator[Figure]:
    """COPY of a million recipients into a table without indexes, commit included."""
    rows = 1_000_000
    with EmbeddedPostgres(run.directory) as postgres:
        took_s = copy_alone(postgres.url, rows)
    yield Figure("one million recipients", rows / took_s, "rows/s", f"{took_s:.1f} s")


def copy_alone(url: str, rows: int) -> float:
    """Seconds for so many recipients."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE TABLE copied (recipient text, fields jsonb, position int)")
        began = time.perf_counter()
        with conn.cursor().copy("COPY copied FROM STDIN") as stream:
            for i in range(rows):
                stream.write_row((f"user{i}@bench.test", f'{{"first_name": "Ann {i}"}}', i))
        took_s = time.perf_counter() - began
        (stored,) = conn.execute("SELECT count(*) FROM copied").fetchone() or (0,)
        conn.execute("DROP TABLE copied")
    assert stored == rows
    return took_s
