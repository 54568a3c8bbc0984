"""Many small senders that are all due at once: each connects, starts TLS, logs in, and sends a few emails."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import trustme

from app.jobs import defer_wake_up
from bench.registry import Figure, Run, bench
from bench.service import (
    SMTP_LOGIN,
    count_by_status,
    cpu_s,
    memory_mb,
    postgres_cpu_s,
    server,
    service,
    settle,
    wait_for_messages,
    worker,
)
from tests.support.sinkproc import Sink

SENDERS = 2_000
EACH = 3
AHEAD = timedelta(seconds=20)  # until all is due: the worker is up by then
_SENDERS = """
WITH login AS (
    INSERT INTO logins (workspace_id, hourly_limit, max_connections)
    SELECT workspace_id, hourly_limit, 5 FROM logins, generate_series(2, %(senders)s)
    RETURNING workspace_id, id
)
INSERT INTO senders (workspace_id, login_id, email)
SELECT workspace_id, id, 'sender' || id || '@bench.example' FROM login
"""
# All of them within a second.
_CAMPAIGNS = """
WITH due AS (
    SELECT workspace_id, id AS sender_id, now() + %(ahead)s + random() * interval '1 second' AS at FROM senders
),
campaign AS (
    INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, start_at)
    SELECT workspace_id, sender_id, 'n', 'A message', 'Hello.', at FROM due
    RETURNING workspace_id, sender_id, id, start_at
),
stream AS (
    INSERT INTO streams (workspace_id, campaign_id, sender_id, gap_ms, start_at, next_due_at, total, scheduled)
    SELECT workspace_id, id, sender_id, 0, start_at, start_at, %(each)s, %(each)s FROM campaign
    RETURNING workspace_id, campaign_id, sender_id, id, start_at
)
INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, scheduled_at)
SELECT workspace_id, campaign_id, id, 'p' || n || '.' || sender_id || '@bench.example', start_at
FROM stream, generate_series(1, %(each)s) n
"""


class _Due(NamedTuple):
    """`at`: when each sender's emails are due, by its address, in epoch seconds."""

    first: float
    at: dict[str, float]


@bench("senders")
def senders(run: Run) -> Iterator[Figure]:
    """2,000 senders with 3 emails each, all due within one second, from one worker over TLS with a login."""
    count = (run.emails or SENDERS * EACH) // EACH
    certificate, key, trusted = _certificates(run.directory)
    with (
        server(run.directory / "postgres") as postgres,
        Sink(starttls=(certificate, key), auth=":".join(SMTP_LOGIN)) as sink,
    ):
        due = asyncio.run(_prepare(postgres.url, count))
        with worker(postgres.url, sink, 64, trusted=trusted) as process:
            wait_for_messages(sink, count * EACH)
            postgres_s = postgres_cpu_s(postgres.url)
            used_s, memory = cpu_s(process.pid), memory_mb(process.pid)
        counts = count_by_status(postgres.url)
        assert counts.get("SENT") == count * EACH, counts
        messages = sink.accepted()
        sink_s = sink.stats()["cpu_s"]
    firsts: dict[str, float] = {}
    for message in messages:
        firsts.setdefault(message.envelope_from, message.at)
    waits = sorted(at - due.at[address] for address, at in firsts.items())
    took_s = max(message.at for message in messages) - due.first
    used = f"worker {used_s:.1f} s, PostgreSQL {postgres_s:.1f} s, sink {sink_s:.1f} s"
    note = f"processor time: {used}; worker {memory:.0f} MB"
    yield Figure(
        f"{count:,} senders, {EACH} emails each, all due within a second", len(messages) / took_s, "emails/s", note
    )
    note = f"median {waits[len(waits) // 2]:.1f} s; all of it took {took_s:.1f} s"
    yield Figure("wait of a sender for its first, the longest", waits[-1], "s", note)


def _certificates(directory: Path) -> tuple[Path, Path, Path]:
    """The sink's certificate and key, and what a worker trusts: its issuer, beside all that this machine trusts."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key, trusted = (directory / name for name in ("certificate.pem", "key.pem", "trusted.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    known = ssl.get_default_verify_paths().cafile
    trusted.write_bytes((Path(known).read_bytes() if known else b"") + authority.cert_pem.bytes())
    return certificate, key, trusted


async def _prepare(url: str, count: int) -> _Due:
    async with service(url) as (pool, _):
        async with pool.connection() as conn:
            await conn.execute(_SENDERS, {"senders": count})
        settle(url)
        async with pool.connection() as conn, conn.transaction():
            await conn.execute(_CAMPAIGNS, {"ahead": AHEAD, "each": EACH})
            cursor = await conn.execute(
                "SELECT s.id, s.email, c.start_at FROM campaigns c JOIN senders s ON s.id = c.sender_id"
            )
            rows = await cursor.fetchall()
            for row in rows:
                await defer_wake_up(conn, row["id"], row["start_at"])
    at = {row["email"]: row["start_at"].timestamp() for row in rows}
    return _Due(min(at.values()), at)
