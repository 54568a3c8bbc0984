"""Reading mailboxes at a Dovecot behind a proxy that delays: how many a worker reads, and how fast messages."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from app.db import Pool, fetch_exactly_one, transaction
from app.domain.accounts.users import User
from app.domain.inbound import inboxes
from app.domain.operations import installation
from app.domain.senders.inbox import imap_password_place
from app.mail.opaque import MessageIds
from app.secrets import SecretBox
from bench.registry import Failed, Figure, Run, bench
from bench.service import SECRET_KEY, cpu_s, memory_mb, schedule_campaign, server, service, worker
from tests.support.dovecot import PROGRAM, WANTED, Dovecot, dovecot
from tests.support.inbox import WORD, Owners, reply
from tests.support.ports import free_port
from tests.support.sinkproc import Sink

MAILBOXES = 1_000
MESSAGES = 2_000  # in one mailbox, each an answer
ONE_WAY_S = 0.025
LOGIN_S = 0.5
PERIOD_S = 120  # INBOX_POLL_SECONDS
_SENDERS = """
INSERT INTO senders (workspace_id, login_id, email, display_name, imap_host, imap_port, imap_security, imap_username,
                     imap_password_encrypted)
SELECT workspace_id, login_id, address, '', 'localhost', %s, 'tls', address, ''
FROM senders, generate_series(1, %s) AS n, format('box%%s@bench.example', n) AS address WHERE is_default
RETURNING id
"""


@bench("inbox")
def inbox(run: Run) -> Iterator[Figure]:
    """1,000 mailboxes at 50 ms round trip, logins of half a second, read by one worker's 16 threads; 2,000 answers."""
    if PROGRAM is None:
        raise Failed(WANTED)
    names = {f"box{n}@bench.example": WORD for n in range(1, MAILBOXES + 1)}
    with (
        server(run.directory) as postgres,
        dovecot(9, names) as at,
        _delayed(at.imaps) as port,
        Sink() as sink,
    ):
        yield from asyncio.run(_measure(postgres.url, sink, at, port))


@contextmanager
def _delayed(to: int) -> Generator[int]:
    port = free_port()
    command = [sys.executable, "-m", "bench.delaying", *map(str, (port, to, ONE_WAY_S, LOGIN_S))]
    proxy = subprocess.Popen(command)  # noqa: S603 -- ours
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield port
    finally:
        proxy.terminate()
        proxy.wait()


async def _measure(url: str, sink: Sink, at: Dovecot, port: int) -> list[Figure]:
    async with service(url) as (pool, user):
        await _make_senders(pool, SecretBox(SECRET_KEY), port)
        ids = MessageIds((await installation.read_keys(pool)).message)
        await inboxes.settle(pool, poll_s=60)
        await _execute(pool, "UPDATE inboxes SET next_at = 'infinity'")
        env = {"SMTP_CA_FILE": str(at.ca_file), "SMTP_ALLOW_PRIVATE": "true", "IMAP_ALLOWED_PORTS": "*"}
        with worker(url, sink, 1, env=env) as process:
            await _until(pool, "SELECT EXISTS (SELECT FROM workers) AS there")
            before, used_s = memory_mb(process.pid, "VmRSS"), cpu_s(process.pid)
            first_s = await _read_all(pool)
            used_s = cpu_s(process.pid) - used_s
            again_s = await _read_all(pool)
            memory = memory_mb(process.pid)
            await _make_answers(pool, user, ids, at)
            await _execute(pool, "UPDATE senders SET imap_port = %s WHERE email = 'box1@bench.example'", at.imaps)
            await _execute(pool, "DELETE FROM senders WHERE email LIKE 'box%%' AND email <> 'box1@bench.example'")
            answers_s = await _read_all(pool)
            last = memory_mb(process.pid)
        async with transaction(pool) as conn:
            found = await fetch_exactly_one(conn, b"SELECT count(*) AS n FROM responses")
    if found["n"] != MESSAGES:
        raise Failed(f"{found['n']} of {MESSAGES} answers were recorded")
    period = f"in {PERIOD_S} s, at {2000 * ONE_WAY_S:.0f} ms round trip; each with TLS, login and a look"
    used = f"; all {MAILBOXES:,} in {first_s:.0f} s, {used_s:.0f} s of a processor"
    return [
        Figure("mailboxes read for the first time", MAILBOXES / first_s * PERIOD_S, "mailboxes", period + used),
        Figure("mailboxes read with nothing new", MAILBOXES / again_s * PERIOD_S, "mailboxes", period),
        Figure(
            "memory of the worker, at most", memory, "MB", f"{before:.0f} MB before it reads, {last:.0f} MB in the end"
        ),
        Figure("answers read and recorded", MESSAGES / answers_s, "/s", "of one mailbox, without the proxy"),
    ]


async def _make_senders(pool: Pool, box: SecretBox, port: int) -> None:
    async with transaction(pool) as conn:
        made = await (await conn.execute(_SENDERS, [port, MAILBOXES])).fetchall()
        for row in made:
            sealed = box.seal(WORD, imap_password_place(row["id"]))
            await conn.execute("UPDATE senders SET imap_password_encrypted = %s WHERE id = %s", [sealed, row["id"]])


async def _make_answers(pool: Pool, user: User, ids: MessageIds, at: Dovecot) -> None:
    await schedule_campaign(pool, user, MESSAGES, "r")
    async with transaction(pool) as conn:
        rows = await (await conn.execute("SELECT id FROM emails ORDER BY id")).fetchall()
    owner = Owners(at, "box1@bench.example")
    for number, row in enumerate(rows):
        head = f"In-Reply-To: {ids.of(user.workspace_id, row['id'], 'bench.example')}\n"
        owner.put(reply(f"r{number}@bench.example", "Yes, please.\n" * 40, head=head))
    owner.close()


async def _read_all(pool: Pool) -> float:
    """How long it takes until each was read whole."""
    await inboxes.settle(pool, poll_s=60)
    await _execute(pool, "UPDATE inboxes SET next_at = now(), whole_at = NULL")
    began = time.perf_counter()
    await _until(pool, "SELECT NOT EXISTS (SELECT FROM inboxes WHERE whole_at IS NULL) AS there")
    return time.perf_counter() - began


async def _until(pool: Pool, question: str) -> None:
    deadline = time.monotonic() + 600
    while True:
        async with transaction(pool) as conn:
            if (await fetch_exactly_one(conn, question.encode()))["there"]:
                return
        if time.monotonic() > deadline:
            raise Failed("the mailboxes are not read to their ends")
        await asyncio.sleep(0.2)


async def _execute(pool: Pool, text: str, *params: object) -> None:
    async with transaction(pool) as conn:
        await conn.execute(text.encode(), params or None)  # pyright: ignore[reportArgumentType]
