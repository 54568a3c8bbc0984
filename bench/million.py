"""A million emails from the CSV file to the sink, a dashboard open all the while; then the older design beside it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from app.db import fetch_exactly_one, open_pool
from app.domain.accounts.users import User
from bench.api import api, create_account, schedule_csv
from bench.dashboard import Dashboard, percentile
from bench.older_design import EMAILS as OLDER_EMAILS
from bench.older_design import compare, install
from bench.registry import Failed, Figure, Run, bench
from bench.send import schedule_spaced
from bench.service import count_by_status, memory_mb, server, settle, wait_for_messages, worker
from tests.support.sinkproc import Sink

EMAILS = 1_000_000
LANES = 128
ROOM_PER_EMAIL = 8_000  # bytes on the disk: tables, indexes, WAL, the sink's log, and as much again
LOOK_EVERY_S = 1.0
SPACED = 3_000
BIG = ("emails", "attempts")


@bench("million", only_if_named=True)
def million(run: Run) -> Iterator[Figure]:
    """1,000,000 emails scheduled and sent, a dashboard open; the older design with 50,000, and the ratio."""
    emails = run.emails or EMAILS
    check_room(run.directory, emails * ROOM_PER_EMAIL)
    install()  # what is missing is told before the long part
    with server(run.directory / "ours") as postgres, Sink() as sink:
        yield from _ours(postgres.url, sink, emails)
    yield from compare(run.directory, min(emails, OLDER_EMAILS))


def check_room(directory: Path, needed: int) -> None:
    """Raises Failed when the disk has less room than `needed` bytes."""
    if (free := shutil.disk_usage(directory).free) < needed:
        raise Failed(
            f"needs {needed / 1e9:.1f} GB of disk in {directory.parent}, which has {free / 1e9:.1f} GB free; "
            "free some, name another folder with --data-dir, or ask for less with --emails"
        )


def _ours(url: str, sink: Sink, emails: int) -> Iterator[Figure]:
    key = create_account(url)
    with api(url, key) as (client, api_process), psycopg.connect(url, autocommit=True) as conn:
        wal = _wal(conn)
        began = time.perf_counter()
        campaign_id = schedule_csv(client, emails)
        yield Figure(f"CSV of {emails:,} rows scheduled", time.perf_counter() - began, "s")
        scheduling_wal = _wal(conn) - wal
        settle(url)
        wal = _wal(conn)
        (sender_id,) = _row(conn, "SELECT sender_id FROM campaigns")
        dashboard = Dashboard(client, campaign_id, sender_id)
        with worker(url, sink, LANES) as process:
            memory = _Memory({"worker": process, "API": api_process})
            with _looked_at_by(dashboard):
                memory.watch(sink, emails)
        assert count_by_status(url) == {"SENT": emails}
        sending_wal = _wal(conn) - wal
        yield from _rates(sink.times(), emails)
        yield from memory.figures()
        yield from _disk(conn, emails, scheduling_wal, sending_wal)
        yield from dashboard.figures()
    yield _lateness(url, emails)


def _rates(times: list[float], emails: int) -> Iterator[Figure]:
    assert len(times) == emails
    yield Figure(f"{LANES} lanes, from first to last", (emails - 1) / (times[-1] - times[0]), "emails/s")
    tenth = emails // 10
    for what, part in (("first", times[:tenth]), ("last", times[-tenth:])):
        yield Figure(f"the {what} {tenth:,}", (tenth - 1) / (part[-1] - part[0]), "emails/s")
    by_tenth = [(tenth - 1) / (times[i + tenth - 1] - times[i]) for i in range(0, emails - tenth + 1, tenth)]
    yield Figure("the slowest tenth", min(by_tenth), "emails/s", " ".join(f"{rate:,.0f}" for rate in by_tenth))


class _Sample(NamedTuple):
    sent: int
    memory_mb: dict[str, float]


class _Memory:
    """Memory of processes while the sink fills."""

    def __init__(self, processes: dict[str, subprocess.Popen[bytes]]) -> None:
        self._processes = processes
        self._samples: list[_Sample] = []

    def watch(self, sink: Sink, emails: int) -> None:
        """Until the sink has them all."""
        deadline = time.monotonic() + 60 + emails / 200
        while (sent := sink.stats()["messages"]) < emails:
            if any(process.poll() is not None for process in self._processes.values()):
                raise Failed(f"a process ended after {sent:,} messages; its log stands above")
            if time.monotonic() > deadline:
                raise Failed(f"only {sent:,} of {emails:,} messages have come in all this time")
            if sent:
                now = {name: memory_mb(process.pid, "VmRSS") for name, process in self._processes.items()}
                self._samples.append(_Sample(sent, now))
            time.sleep(0.5)

    def figures(self) -> Iterator[Figure]:
        last = self._samples[-1].sent
        for name in self._processes:
            parts = [next(s for s in self._samples if s.sent >= last * part) for part in (0.1, 0.5, 1.0)]
            early, middle, end = (part.memory_mb[name] for part in parts)
            note = f"{early:.0f} MB after a tenth, {middle:.0f} MB half way"
            yield Figure(f"memory of the {name}, at the end", end, "MB", note)


@contextmanager
def _looked_at_by(dashboard: Dashboard) -> Generator[None, None, None]:
    """All its calls, one after the other, again and again with a second between."""
    ended = threading.Event()
    failure: list[Exception] = []

    def look() -> None:
        try:
            while not ended.is_set():
                dashboard.look()
                ended.wait(LOOK_EVERY_S)
        except Exception as error:
            failure.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if failure:
        raise failure[0]


def _disk(conn: psycopg.Connection[Any], emails: int, scheduling_wal: int, sending_wal: int) -> Iterator[Figure]:
    (size,) = _row(conn, "SELECT pg_database_size(current_database())")
    yield Figure("database, an email", size / emails, "bytes", f"{size / 1e6:,.0f} MB in all")
    for table in BIG:
        (heap, indexes) = _row(conn, f"SELECT pg_table_size('{table}'), pg_indexes_size('{table}')")
        each = conn.execute(
            "SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index"
            " WHERE indrelid = %s::regclass ORDER BY 2 DESC",
            [table],
        ).fetchall()
        note = f"indexes {indexes / emails:.0f}: " + ", ".join(f"{name} {size / emails:.0f}" for name, size in each)
        yield Figure(f"rows of {table}, an email", heap / emails, "bytes", note)
    yield Figure("WAL of scheduling, an email", scheduling_wal / emails, "bytes")
    yield Figure("WAL of sending, an email", sending_wal / emails, "bytes")


def _wal(conn: psycopg.Connection[Any]) -> int:
    """Bytes of WAL written so far."""
    return int(_row(conn, "SELECT pg_current_wal_lsn() - '0/0'")[0])


def _row(conn: psycopg.Connection[Any], text: str) -> tuple[Any, ...]:
    row = conn.execute(text.encode()).fetchone()
    assert row
    return row


def _lateness(url: str, emails: int) -> Figure:
    """With all those in the tables: 100 emails a second, and how late they reach a sink."""
    planned = asyncio.run(_spaced(url))
    with Sink() as sink:
        with worker(url, sink, 5):
            wait_for_messages(sink, SPACED)
        late_ms = [(message.at - planned[message.envelope_to]) * 1000 for message in sink.accepted()]
    early = sum(late < 0 for late in late_ms)
    note = f"median {percentile(late_ms, 50):.1f} ms, worst {max(late_ms):.0f} ms, {early} early"
    return Figure(f"lateness at 100 a second, p99, {emails:,} sent before", percentile(late_ms, 99), "ms", note)


async def _spaced(url: str) -> dict[str, float]:
    async with await open_pool(url) as pool:
        async with pool.connection() as conn:
            user = await fetch_exactly_one(conn, b"SELECT id, email FROM users")
        return await schedule_spaced(pool, User(**user), SPACED)
