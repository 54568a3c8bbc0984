"""Mailboxes that are watched: what comes is read at once, however seldom the mailbox is polled."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from app.db import Pool
from app.domain.inbound import inboxes
from app.domain.senders.inbox import imap_password_place
from app.secrets import SecretBox
from tests.inbound.test_hostile import LIST, READ
from tests.support.dovecot import PROGRAM, WANTED, dovecot
from tests.support.engine import SECRET_KEY, WorkerProcess, execute, row, rows, settings_for, value, wait_for
from tests.support.imap import Hostile
from tests.support.inbox import ANN, WORD, Owners, Read, reply
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S
from worker import imap, inbox_watch
from worker.connect import Server
from worker.inbox import Reader

needs_dovecot = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)
SEEN = b"* 5 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 1] ok\r\n%b OK done\r\n"


async def _sent_lately(pool: Pool) -> None:
    await execute(
        pool,
        "INSERT INTO login_windows (workspace_id, login_id, window_start, accepted_at, allowed)"
        " SELECT workspace_id, id, date_trunc('hour', now()), now(), 9 FROM logins",
    )


async def _is_watched(read: Read) -> None:
    await wait_for(
        lambda: rows(read.pool, "SELECT 1 FROM inboxes WHERE watched_until > now() AND whole_at IS NOT NULL"), "a watch"
    )


@needs_dovecot
async def test_an_answer_is_there_within_seconds_of_its_coming_and_a_worker_that_ends_leaves_no_watch(
    read: Read, owners: Owners, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read.set_up(server, *["SENT"] * 3)
    await _sent_lately(read.pool)
    reader = read.reader(poll_s=3600, most_watched=1)
    reading = asyncio.create_task(reader.keep_reading())
    try:
        await _is_watched(read)
        for number in (1, 2):
            began = time.monotonic()
            owners.put(reply(f"r{number}@example.com", head=f"In-Reply-To: {read.id_of(number)}\n"))
            count = f"SELECT count(*) >= {number} FROM responses"  # noqa: S608 -- a test's
            await wait_for(lambda count=count: value(read.pool, count), "the answer")
            took_s = time.monotonic() - began
            assert took_s < 30  # ten seconds are meant, of a machine that does nothing else
        # Something comes while a pass is under way, and after its look at the folder: it is read again at once.
        (inbox,) = [await _leased(read)]
        watch_token = await value(read.pool, "SELECT watch_token FROM inboxes")
        await inboxes.note_news(read.pool, inbox._replace(token=watch_token))
        await inboxes.end(read.pool, inbox, is_whole=True, poll_s=3600)
        # The reader may have leased it by now, or have read it, which a pass that began later tells.
        again = "SELECT next_at <= now() OR lease_token IS NOT NULL OR whole_at > %s FROM inboxes"
        assert await value(read.pool, again, inbox.began)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert await row(read.pool, "SELECT watch_token, watched_until, lease_token FROM inboxes") == {
        "watch_token": None,
        "watched_until": None,
        "lease_token": None,
    }


async def _leased(read: Read) -> inboxes.Inbox:
    async def lease() -> inboxes.Inbox | None:
        await execute(read.pool, "UPDATE inboxes SET next_at = now()")
        return next(iter(await inboxes.lease(read.pool, await value(read.pool, "SELECT gen_random_uuid()"), 1)), None)

    found = await wait_for(lease, "the lease")
    assert found is not None
    return found


@needs_dovecot
async def test_a_round_that_ends_is_followed_by_another_and_no_more_are_watched_than_may_be(
    read: Read, owners: Owners, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_watch, "ROUND_S", 0.05)
    await read.set_up(server, "SENT")
    await _sent_lately(read.pool)
    (inbox,) = [await _settled(read)]
    none, one = (read.reader(most_watched=most) for most in (0, 1))
    await none.read(inbox)
    assert await value(read.pool, "SELECT watch_token FROM inboxes") is None
    reading = asyncio.create_task(one.keep_reading())
    try:
        await execute(read.pool, "UPDATE inboxes SET next_at = now()")
        await _is_watched(read)
        until = await value(read.pool, "SELECT watched_until FROM inboxes")
        later = f"SELECT watched_until > '{until.isoformat()}' FROM inboxes"  # noqa: S608 -- a test's
        await wait_for(lambda: value(read.pool, later), "the next round")
        # Another worker leaves it alone; once nothing was sent for a week, nobody watches.
        other = inbox._replace(token=await value(read.pool, "SELECT gen_random_uuid()"))
        assert not await inboxes.watch(read.pool, other)
        await execute(read.pool, "UPDATE login_windows SET accepted_at = now() - interval '8 days'")
        await wait_for(lambda: value(read.pool, "SELECT watch_token IS NULL FROM inboxes"), "the watch to end")
        assert not await inboxes.watch(read.pool, other)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _settled(read: Read) -> inboxes.Inbox:
    await inboxes.settle(read.pool, poll_s=3600)
    return await _leased(read)


@pytest.mark.parametrize(
    ("capability", "said", "asks"),
    [
        (b"", b"", False),  # it has no IDLE
        (b" IDLE", b"%b BAD what is that\r\n", True),
        (b" IDLE", b"* BYE no more of this\r\n", True),
        (b" IDLE", b"+ idling\r\n* BYE no more of this\r\n", True),
        (b" IDLE", b"", True),  # it says nothing at all
        (b" IDLE", b"+ idling\r\n* 6 EXI", True),  # nor the end of what it began
        (b" IDLE", b"+ idling\r\n" + b"* OK still here\r\n" * 150_000, True),
    ],
)
async def test_a_server_that_does_not_tell_is_polled_and_left_alone(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capability: bytes, said: bytes, asks: bool
) -> None:
    if not said.endswith(b"\r\n"):
        monkeypatch.setattr(imap, "IDLE_S", 3.0)  # the test waits it out, so it is short
    server = Hostile(tmp_path)
    server.capabilities += capability
    server.answers = READ | {b"EXAMINE": SEEN, b"LIST": LIST, b"IDLE": said}

    def idled() -> int:
        return sum(line.endswith(b" IDLE") for line in server.lines)

    def listed() -> int:
        return sum(b" LIST " in line for line in server.lines)

    async with server.running() as at:
        await read.set_up(at, "SENT")
        await _sent_lately(read.pool)
        reader = read.reader(poll_s=0.5, most_watched=5)
        reading = asyncio.create_task(reader.keep_reading())
        try:

            async def has_read_on(to: int) -> bool:
                # Asked for last: nobody watches it before the first IDLE, either.
                return (
                    listed() >= to
                    and idled() >= int(asks)
                    and await value(read.pool, "SELECT bool_and(watch_token IS NULL) FROM inboxes")
                )

            await wait_for(lambda: has_read_on(2), "the watch to end")
            until_then = listed()
            await wait_for(lambda: has_read_on(until_then + 3), "further passes")
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    assert idled() == int(asks)
    assert (await read.inbox())["error"] is None


async def test_a_server_that_tells_of_news_that_there_are_none_of_is_read_at_a_bounded_rate(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_watch, "PAUSE_S", 1.0)
    server = Hostile(tmp_path)
    server.capabilities += b" IDLE"
    server.answers = READ | {b"EXAMINE": SEEN, b"LIST": LIST, b"IDLE": b"+ idling\r\n* 99999999999 EXISTS\r\n"}
    async with server.running() as at:
        await read.set_up(at, "SENT")
        await _sent_lately(read.pool)
        began = time.monotonic()
        reading = asyncio.create_task(read.reader(poll_s=3600, most_watched=5).keep_reading())
        try:

            async def has_looked_again() -> bool:
                return sum(b" LIST " in line for line in server.lines) >= 7

            await wait_for(has_looked_again, "passes for what it says")
            assert time.monotonic() - began > 3 * inbox_watch.PAUSE_S  # two looks are without news
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    assert (await read.inbox())["error"] is None


@needs_dovecot
@pytest.mark.parametrize("change", ["imap_username = 'bob@example.com'", "imap_password_encrypted = 'x'"])
async def test_a_mailbox_that_is_another_or_has_another_login_is_watched_no_more(
    read: Read, owners: Owners, server: Server, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(inbox_watch, "ROUND_S", 0.05)
    await read.set_up(server, "SENT")
    await _sent_lately(read.pool)
    reader = read.reader(poll_s=3600, most_watched=1)
    reading = asyncio.create_task(reader.keep_reading())
    try:
        await _is_watched(read)
        assert await value(read.pool, "SELECT watch_token FROM inboxes") is not None
        await execute(read.pool, f"UPDATE senders SET {change}")  # noqa: S608 -- a test's
        await inboxes.settle(read.pool, poll_s=3600)  # which opens the other one
        await wait_for(lambda: _nobody_watches(reader), "the watch to end")
        assert await value(read.pool, "SELECT watch_token FROM inboxes") is None
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _nobody_watches(reader: Reader) -> bool:
    return not reader._watches.tasks


@needs_dovecot
async def test_a_worker_that_is_ended_hangs_up_at_once_on_all_that_it_watches(
    pool: Pool, database_url: str, read: Read, sink: Sink, tmp_path: Path
) -> None:
    names = {f"box{n}@example.com": WORD for n in range(50)}
    with dovecot(9, names) as at:
        await read.set_up(Server("localhost", at.imaps, "tls", ANN, WORD, ca_file=at.ca_file), "SENT")
        await _sent_lately(pool)
        for sender_id in await _copied(read, sorted(names)):
            sealed = SecretBox(SECRET_KEY).seal(WORD, imap_password_place(sender_id))
            await execute(pool, "UPDATE senders SET imap_password_encrypted = %s WHERE id = %s", sealed, sender_id)
        env = {"SMTP_CA_FILE": str(at.ca_file), "IMAP_ALLOWED_PORTS": "*", "SECRET_KEY": SECRET_KEY}
        worker = WorkerProcess(database_url, settings_for(sink), tmp_path / "log", env=env)
        try:
            all_are = "SELECT count(*) FILTER (WHERE watched_until > now() AND whole_at IS NOT NULL) = 50 FROM inboxes"
            await wait_for(lambda: value(pool, all_are), "fifty watches")
        finally:
            began = time.monotonic()
            worker.drain()
        assert time.monotonic() - began < BOUND_S
    assert await rows(pool, "SELECT 1 FROM inboxes WHERE watch_token IS NOT NULL OR lease_token IS NOT NULL") == []


async def _copied(read: Read, addresses: list[str]) -> list[int]:
    """Senders of these addresses instead of the one that there is; their ids."""
    await execute(
        read.pool,
        "INSERT INTO senders (workspace_id, login_id, email, display_name, imap_host, imap_port, imap_security,"
        " imap_username, imap_password_encrypted) SELECT workspace_id, login_id, a, '', imap_host, imap_port,"
        " imap_security, a, '' FROM senders, unnest(%s::text[]) a",
        addresses,
    )
    await execute(
        read.pool,
        "UPDATE senders SET imap_host = NULL, imap_port = NULL, imap_security = NULL, imap_username = NULL,"
        " imap_password_encrypted = NULL WHERE email = %s",
        ANN,
    )
    return [one["id"] for one in await rows(read.pool, "SELECT id FROM senders WHERE imap_host IS NOT NULL")]
