"""Reading mailboxes at a Dovecot behind a proxy that delays: how many a worker reads, and how fast messages."""

from __future__ import annotations

import asyncio
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import msgspec

from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.inbound import inboxes
from app.domain.oauth.providers import read_providers
from app.domain.operations import installation
from app.domain.senders.inbox import imap_password_place
from app.mail.opaque import Links, MessageIds
from app.secrets import SecretBox
from app.settings import Settings
from bench.registry import Failed, Figure, Run, bench
from bench.service import SECRET_KEY, schedule_campaign, server, service
from tests.support.dovecot import PROGRAM, WANTED, Dovecot, dovecot
from tests.support.inbox import WORD, Owners, reply
from tests.support.ports import free_port
from worker.connect import Server
from worker.credentials import Credentials
from worker.inbox import Reader

MAILBOXES = 1_000
MESSAGES = 2_000  # in one mailbox, each an answer
ONE_WAY_S = 0.025
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
    """1,000 mailboxes at 50 ms round trip read by one worker's 16 threads; 2,000 answers in one of them."""
    if PROGRAM is None:
        raise Failed(WANTED)
    names = {f"box{n}@bench.example": WORD for n in range(1, MAILBOXES + 1)}
    with server(run.directory) as postgres, dovecot(9, names) as at, _delayed(at.imaps) as port:
        yield from asyncio.run(_measure(postgres.url, at, port))


@contextmanager
def _delayed(to: int) -> Iterator[int]:
    port = free_port()
    proxy = subprocess.Popen([sys.executable, "-m", "bench.delaying", str(port), str(to), str(ONE_WAY_S)])  # noqa: S603 -- ours
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


async def _measure(url: str, at: Dovecot, port: int) -> list[Figure]:
    async with service(url) as (pool, user):
        box, settings = SecretBox(SECRET_KEY), Settings(secret_key=SECRET_KEY, database_url=url)
        settings = msgspec.structs.replace(
            settings, smtp_ca_file=at.ca_file, smtp_allow_private=True, imap_allowed_ports=None
        )
        keys = await installation.read_keys(pool)
        ids = MessageIds(keys.message)
        credentials = Credentials(settings, pool, box, Server("127.0.0.1", 1, "none"), read_providers(settings))
        reader = Reader(pool, uuid4(), credentials, ids, Links("http://127.0.0.1:3000", keys), PERIOD_S)
        await _make_senders(pool, box, port)
        before = _most_memory()
        first_s = await _read_all(pool, reader)
        again_s = await _read_all(pool, reader)
        memory = _most_memory()
        await _make_answers(pool, user, ids, at)
        await _execute(pool, "UPDATE senders SET imap_port = %s WHERE email = 'box1@bench.example'", at.imaps)
        await _execute(pool, "DELETE FROM senders WHERE email LIKE 'box%%' AND email <> 'box1@bench.example'")
        answers_s = await _read_all(pool, reader)
        async with transaction(pool) as conn:
            found = await (await conn.execute("SELECT count(*) AS n FROM responses")).fetchone()
    if found is None or found["n"] != MESSAGES:
        raise Failed(f"{found} of {MESSAGES} answers were recorded")
    period = f"in {PERIOD_S} s, at {2000 * ONE_WAY_S:.0f} ms round trip; each with TLS, login and a look"
    return [
        Figure("mailboxes read for the first time", MAILBOXES / first_s * PERIOD_S, "mailboxes", period),
        Figure("mailboxes read with nothing new", MAILBOXES / again_s * PERIOD_S, "mailboxes", period),
        Figure("memory of the process, at most", memory / 1e6, "MB", f"{before / 1e6:.0f} of it before it reads"),
        Figure("answers read and recorded", MESSAGES / answers_s, "/s", "of one mailbox, without the proxy"),
    ]


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


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


async def _read_all(pool: Pool, reader: Reader) -> float:
    """How long it takes until each was read whole."""
    await inboxes.settle(pool)
    await _execute(pool, "UPDATE inboxes SET next_at = now(), whole_at = NULL")
    began = time.perf_counter()
    reading = asyncio.create_task(reader.keep_reading())
    try:
        while await _left(pool):
            await asyncio.sleep(0.2)
            if reading.done() or time.perf_counter() - began > 600:
                raise Failed("the mailboxes are not read to their ends")
        return time.perf_counter() - began
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _left(pool: Pool) -> int:
    async with transaction(pool) as conn:
        found = await (await conn.execute("SELECT count(*) AS n FROM inboxes WHERE whole_at IS NULL")).fetchone()
    return found["n"] if found else 0


async def _execute(pool: Pool, text: str, *params: object) -> None:
    async with transaction(pool) as conn:
        await conn.execute(text.encode(), params or None)  # pyright: ignore[reportArgumentType]
