"""Parts that benches of the service share: a fresh database, a user without limits, a worker process, its figures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from app.db import Pool, migrate, open_pool
from app.domain.accounts.users import User, create_user
from app.domain.campaigns.content import Content
from app.domain.campaigns.draft import Draft
from app.domain.campaigns.schedule import Request, Scheduled, schedule
from app.domain.pages import PageRequest
from app.domain.recipients.lists import from_json
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender, list_senders
from app.embedded import roles
from app.embedded.postgres import EmbeddedPostgres
from app.secrets import SecretBox
from tests.support.sinkproc import Sink
from worker.desk import size_for_one

SECRET_KEY = "bench"  # noqa: S105 -- of a database that lives for minutes
SMTP_LOGIN = ("bench", "bench")
UNLIMITED = 10_000_000
CONTENT = Content(
    subject="A message for {{ first_name }}",
    body="Hello {{ first_name }},\n\n"
    + "The same line again and again, to make a kilobyte as plain mail has it.\n" * 11,
)


@asynccontextmanager
async def service(url: str) -> AsyncGenerator[tuple[Pool, User], None]:
    """A migrated database with one user whose sender has no limit to speak of."""
    migrate(url)
    pool = await open_pool(url)
    async with pool:
        box = SecretBox(SECRET_KEY)
        user = await create_user(pool, box, "ann@bench.example", "battery staple", default_hourly_limit=UNLIMITED)
        (sender,) = (await list_senders(pool, user.workspace_id, PageRequest())).items
        await change_sender(pool, box, user.workspace_id, sender.id, SenderChanges(max_connections=1000))
        yield pool, user


async def schedule_campaign(pool: Pool, user: User, count: int, name: str, **draft: Any) -> Scheduled:
    """Schedule `count` emails; `name` keeps their addresses apart from other campaigns'."""
    recipients = [{"email": f"{name}{i}@bench.example", "first_name": f"Name{i}"} for i in range(count)]
    request = Request(Draft(content=CONTENT, **draft), lambda required: from_json(recipients, required=required))
    return await schedule(pool, user.workspace_id, request)


def suppress_others(url: str, count: int) -> None:
    """So many addresses that nobody here is written to at are suppressed in each workspace."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO suppressions (workspace_id, key, kind, name, reason)"
            " SELECT w.id, substr(sha256(n::text::bytea), 1, 16), 'ADDRESS', 'gone' || n || '@bench.example', 'MANUAL'"
            " FROM workspaces w, generate_series(1, %s) n",
            [count],
        )


@contextmanager
def worker(
    url: str,
    sink: Sink,
    lanes: int,
    *,
    trusted: Path | None = None,
    metrics_port: int | None = None,
    env: Mapping[str, str] | None = None,
) -> Generator[subprocess.Popen[bytes], None, None]:
    """One worker process sending to the sink; ended by SIGTERM, which must leave nothing in doubt. With the authorities
    that are `trusted`, over TLS and with a login.
    """
    env = {
        **os.environ,
        **(env or {}),
        "DATABASE_URL": url,
        "SECRET_KEY": SECRET_KEY,
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(sink.port),
        "SMTP_SECURITY": "none",
        "WORKER_CONCURRENCY": str(size_for_one(lanes)),
        "LOG_LEVEL": "WARNING",
    }
    if metrics_port is not None:
        env |= {"WORKER_METRICS_PORT": str(metrics_port)}
    if trusted is not None:
        env |= {"SSL_CERT_FILE": str(trusted), "SMTP_SECURITY": "starttls"}
        env |= dict(zip(("SMTP_USERNAME", "SMTP_PASSWORD"), SMTP_LOGIN, strict=True))
    process = subprocess.Popen([sys.executable, "-m", "worker"], env=env)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def cpu_s(pid: int) -> float:
    """Processor seconds a process has used, user and system (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def postgres_cpu_s(url: str) -> float:
    """Processor seconds that all processes of the server at `url` which run now have used."""
    with psycopg.connect(url) as conn:
        return sum(cpu_s(pid) for (pid,) in conn.execute("SELECT pid FROM pg_stat_activity").fetchall())


def wal_bytes(url: str) -> float:
    """The bytes that the server at `url` has written to its log so far."""
    with psycopg.connect(url) as conn:
        (count,) = conn.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone() or (0,)
    return float(count)


def memory_mb(pid: int, name: str = "VmHWM") -> float:
    """A process's memory in MB: VmRSS now, VmHWM at its highest (proc(5))."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise ValueError(name)


def wait_for_messages(sink: Sink, count: int, timeout_s: float = 600) -> None:
    """Until the sink has accepted `count` messages."""
    deadline = time.monotonic() + timeout_s
    while (accepted := sink.stats()["messages"]) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{accepted} of {count} messages after {timeout_s} s")
        time.sleep(0.1)


@contextmanager
def server(directory: Path) -> Generator[EmbeddedPostgres]:
    """A Postgres on a port, as most have it, whose service role may `settle` it."""
    with EmbeddedPostgres(directory, on_a_port=True) as postgres:
        with psycopg.connect(postgres.superuser_url, autocommit=True) as conn:
            conn.execute(f"GRANT pg_checkpoint TO {roles.SERVICE}".encode())
        yield postgres


def settle(url: str) -> None:
    """Let Postgres finish what a large COPY leaves it to do, so that it does not run into the measurement."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("VACUUM (ANALYZE)")
        conn.execute("CHECKPOINT")


def count_by_status(url: str) -> dict[str, int]:
    """Emails by status, for the check that a bench measured real work."""
    with psycopg.connect(url) as conn:
        return dict(conn.execute("SELECT status::text, count(*) FROM emails GROUP BY 1").fetchall())
